//! Instructions, of a word and with a prefix: decoding for the processor and text for people.
//!
//! Must hold: every one has a text, always the same; a word that the disassembler knows (it is the stricter one) the
//! processor knows too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ppc_core::fields::Word;
use ppc_core::insn::{decode::decode, disas::disassemble};
use ppc_core::model::Isa;

fuzz_target!(|input: &[u8]| {
    let words = input.as_chunks::<4>().0.iter().map(|bytes| u64::from(u32::from_be_bytes(*bytes)));
    let pairs = input.as_chunks::<8>().0.iter().map(|bytes| u64::from_be_bytes(*bytes));
    for (n, word) in words.chain(pairs).enumerate() {
        let address = n as u64 * 4;
        for isa in [Isa::V2_07, Isa::V3_0, Isa::V3_1] {
            let text = disassemble(Word(word), address, isa);
            assert_eq!(text, disassemble(Word(word), address, isa));
            assert!(!text.is_empty());
            if decode(Word(word), isa).is_none() {
                assert!(text.starts_with(".long"), "{word:08x} is no instruction but is shown as {text}");
            }
        }
    }
});
