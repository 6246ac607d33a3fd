//! `ZstdDecompressor`: for kernels that are compressed, with the interface of Python's own `lzma.LZMADecompressor`.

use crate::{
    error::{Error, Result},
    memory,
};
use pyo3::{prelude::*, types::PyBytes};
use zstd::stream::raw::{Decoder, Operation};

/// Unpacks one frame, piece by piece. Its own memory is bounded: a frame that needs a window of more than 128 MiB, which
/// is the format's recommended limit, is an error.
#[pyclass(name = "ZstdDecompressor", module = "pyspapr._native")]
pub struct ZstdDecompressor {
    decoder: Decoder<'static>,
    /// Input that was not read yet.
    input: Vec<u8>,
    eof: bool,
    needs_input: bool,
}

#[pymethods]
impl ZstdDecompressor {
    #[new]
    fn new() -> Result<Self> {
        Ok(Self { decoder: Decoder::new()?, input: Vec::new(), eof: false, needs_input: true })
    }

    /// Whether the frame has ended. Input beyond its end is ignored.
    #[getter]
    fn eof(&self) -> bool {
        self.eof
    }

    /// Whether nothing comes without more input.
    #[getter]
    fn needs_input(&self) -> bool {
        self.needs_input
    }

    /// At most `max_length` bytes of output. Raises ValueError for a frame that is damaged.
    fn decompress<'py>(
        &mut self,
        py: Python<'py>,
        data: &[u8],
        max_length: usize,
    ) -> Result<Bound<'py, PyBytes>> {
        memory::room(memory::PIECES + max_length.saturating_add(2 * data.len()))?;
        self.input.extend_from_slice(data);
        let mut output = vec![0; max_length];
        let (mut read, mut written) = (0, 0);
        while !self.eof && written < max_length {
            let status = self
                .decoder
                .run_on_buffers(&self.input[read..], &mut output[written..])
                .map_err(|error| Error::Value(error.to_string()))?;
            read += status.bytes_read;
            written += status.bytes_written;
            self.eof = status.remaining == 0;
            if status.bytes_read == 0 && status.bytes_written == 0 {
                break;
            }
        }
        self.input.drain(..read);
        self.needs_input = !self.eof && written < max_length;
        memory::bytes(py, &output[..written])
    }
}
