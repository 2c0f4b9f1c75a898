//! The README shows what is compiled.

#[test]
fn the_readme_shows_the_shortest_program_as_it_is() {
    let readme = include_str!("../../README.md");
    let program = include_str!("../shortest/main.rs");
    assert!(
        readme.contains(&format!("```rust\n{program}```\n")),
        "README.md must contain examples/shortest/main.rs word for word"
    );
}
