//! Ten thousand random texts keep the promises that hold for any text. `cargo xtask fuzz expressions` tries more.

#[path = "../examples/fuzz_expressions/inputs.rs"]
mod inputs;
#[path = "../examples/fuzz_expressions/promises.rs"]
mod promises;

#[test]
fn ten_thousand_texts_keep_the_promises() {
    let ground = promises::Ground::new();
    for number in 0..10_000 {
        let text = inputs::text(&mut inputs::Random::of(1, number));
        if let Err(problem) = ground.check(&text) {
            panic!("input {number}: {text:?}\n  {problem}");
        }
    }
}
