//! Prints how long reading the running kernel's types takes: `cargo run --release -p skep-btf --example read_time`.

use std::time::Instant;

use skep_btf::core::{RelocationKind, Resolver};
use skep_btf::{Btf, Kind};

fn main() -> Result<(), skep_btf::BtfError> {
    for _ in 0..3 {
        let start = Instant::now();
        let btf = Btf::running()?;
        let read = start.elapsed();
        let start = Instant::now();
        let task = btf.find("task_struct", Kind::Struct);
        let index = start.elapsed();
        let start = Instant::now();
        let mut resolver = Resolver::new(&btf, &btf);
        let mut answers = 0;
        for round in 0..500 {
            let spec = format!("0:{}", round % 100);
            if let Some(id) = task {
                answers += usize::from(resolver.resolve(id, &spec, RelocationKind::FieldByteOffset).is_ok());
            }
        }
        let relocated = start.elapsed();
        println!(
            "{} types read in {read:.1?}, names in {index:.1?}, {answers} CO-RE answers in {relocated:.1?}",
            btf.len()
        );
    }
    Ok(())
}
