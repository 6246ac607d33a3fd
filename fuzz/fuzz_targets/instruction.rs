//! Instruction words: decoding for the processor and text for people.
//!
//! Must hold: every word has a text, always the same; a word that the disassembler knows (it is the stricter one) the
//! processor knows too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ppc_core::fields::Word;
use ppc_core::insn::{decode::decode, disas::disassemble};
use ppc_core::model::Isa;

fuzz_target!(|input: &[u8]| {
    for (n, word) in input.as_chunks::<4>().0.iter().enumerate() {
        let word = u32::from_be_bytes(*word);
        let address = n as u64 * 4;
        for isa in [Isa::V2_07, Isa::V3_0, Isa::V3_1] {
            let text = disassemble(word, address, isa);
            assert_eq!(text, disassemble(word, address, isa));
            assert!(!text.is_empty());
            if decode(Word::from(word), isa).is_none() {
                assert!(text.starts_with(".long"), "{word:08x} is no instruction but is shown as {text}");
            }
        }
    }
});
