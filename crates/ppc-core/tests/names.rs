//! An engine knows an instruction by what its row says, never by its name: only the disassembler reads names.

use std::{fs, path::Path};

/// Rust files below `folder`, but for tests and the disassembler.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.display().to_string();
        if path.is_dir() && !path.ends_with("insn/disas") {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push((name, fs::read_to_string(&path).expect("text")));
        }
    }
}

/// `text` up to its tests, without comments.
fn code(text: &str) -> String {
    let tested = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    tested.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether `code` knows rows of the table and reads the name of something.
fn reads_names(code: &str) -> bool {
    let words: Vec<_> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let knows = ["insn", "Row", "rows"].iter().any(|word| words.contains(word));
    knows
        && [".name", ".mnemonic"].iter().any(|field| {
            code.match_indices(field).any(|(at, _)| {
                let behind = code[at + field.len()..].chars().next();
                behind.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '(')
            })
        })
}

#[test]
fn only_the_disassembler_reads_names_of_instructions() {
    assert!(reads_names("match insn.row.map_or(\"\", |row| row.name) {}"));
    assert!(reads_names("insn::rows().find(|r| r.mnemonic == \"add\")"));
    assert!(!reads_names("models.iter().find(|model| model.name == name)"));
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 150);
    let guilty: Vec<_> =
        found.iter().filter(|(_, text)| reads_names(&code(text))).map(|(name, _)| name).collect();
    assert!(guilty.is_empty(), "{guilty:#?}");
}
