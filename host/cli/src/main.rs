//! suoke.
fn main() {}
