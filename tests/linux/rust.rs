// SPDX-License-Identifier: BSD-2-Clause
//! Rust: the standard library's files, collections, panics caught, time, environment.
use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant, SystemTime};

fn main() -> std::io::Result<()> {
    println!("hello from Rust, {} arguments", std::env::args().count());
    let mut words: HashMap<&str, usize> = HashMap::new();
    for w in "the cat the dog the end".split(' ') {
        *words.entry(w).or_default() += 1;
    }
    let sorted: BTreeMap<_, _> = words.into_iter().collect();
    println!("{:?}", sorted);
    std::fs::create_dir_all("a/b")?;
    let mut f = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open("a/b/f")?;
    f.write_all(b"line one\nline two\n")?;
    f.seek(SeekFrom::Start(5))?;
    let mut s = String::new();
    f.read_to_string(&mut s)?;
    println!("{:?} of {} bytes", s, f.metadata()?.len());
    std::fs::copy("a/b/f", "a/copy")?;
    for line in std::io::BufReader::new(std::fs::File::open("a/copy")?).lines() {
        println!("{}", line?);
    }
    std::fs::remove_dir_all("a")?;
    println!("{}", std::fs::read("a").unwrap_err());
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(10));
    println!("slept {}", start.elapsed() >= Duration::from_millis(10));
    println!("clock {}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).is_ok());
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| {
        let v: Vec<i32> = Vec::new();
        v[std::env::args().count()]
    });
    println!("panic caught: {}", caught.is_err());
    let big: Vec<u64> = (0..1_000_000).map(|x| x * x).collect();
    println!("{}", big.iter().fold(0u64, |a, b| a.wrapping_add(*b)));
    eprintln!("on standard error");
    std::process::exit(5)
}
