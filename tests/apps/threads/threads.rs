// SPDX-License-Identifier: BSD-2-Clause
// Rust's own threads: scoped ones that steal work, channels, conditions, barriers, parking, panics.
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{channel, sync_channel, RecvTimeoutError};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::{Duration, Instant};

/// A pool in rayon's manner: halves go to a queue that idle workers take from.
fn sum_by_halves(data: &[u64]) -> u64 {
    let queue = Mutex::new(VecDeque::from([(0, data.len())]));
    let (left, more) = (AtomicUsize::new(data.len()), Condvar::new());
    let sum = Mutex::new(0);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| loop {
                let mut q = queue.lock().unwrap();
                let (from, to) = loop {
                    if left.load(SeqCst) == 0 {
                        return;
                    }
                    match q.pop_front() {
                        Some(part) => break part,
                        None => q = more.wait(q).unwrap(),
                    }
                };
                if to - from > 1000 {
                    let middle = (from + to) / 2;
                    q.push_back((from, middle));
                    q.push_back((middle, to));
                    more.notify_all();
                    continue;
                }
                drop(q);
                *sum.lock().unwrap() += data[from..to].iter().map(|n| n * n).sum::<u64>();
                let _q = queue.lock().unwrap();
                left.fetch_sub(to - from, SeqCst);
                more.notify_all();
            });
        }
    });
    sum.into_inner().unwrap()
}

fn main() {
    let data: Vec<u64> = (0..50000).collect();
    println!("halves {}", sum_by_halves(&data));

    let (tx, rx) = channel();
    let senders: Vec<_> = (0..4)
        .map(|id| {
            let tx = tx.clone();
            thread::spawn(move || (0..500).for_each(|i| tx.send(id * 500 + i).unwrap()))
        })
        .collect();
    drop(tx);
    println!("channel {}", rx.iter().sum::<i32>());
    senders.into_iter().for_each(|t| t.join().unwrap());

    let (tx, rx) = sync_channel(0);
    let meet = thread::spawn(move || (0..200).map(|_| rx.recv().unwrap()).sum::<i32>());
    (0..200).for_each(|i| tx.send(i).unwrap());
    println!("rendezvous {} then {:?}", meet.join().unwrap(), tx.send(1).is_err());

    let (tx, rx) = channel::<()>();
    let start = Instant::now();
    let late = rx.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout);
    println!("timeout {} {}", late, start.elapsed() >= Duration::from_millis(20));
    drop(tx);

    let (barrier, leaders) = (Barrier::new(4), AtomicUsize::new(0));
    let table = RwLock::new(vec![0; 8]);
    static ONCE: Once = Once::new();
    thread::scope(|s| {
        for t in 0..4 {
            let (barrier, leaders, table) = (&barrier, &leaders, &table);
            s.spawn(move || {
                ONCE.call_once(|| println!("once"));
                for i in 0..100 {
                    leaders.fetch_add(barrier.wait().is_leader() as usize, SeqCst);
                    table.write().unwrap()[(i + t) % 8] += 1;
                    assert!(table.read().unwrap().iter().sum::<i32>() > 0);
                }
            });
        }
    });
    println!("leaders {} table {:?}", leaders.load(SeqCst), table.into_inner().unwrap());

    let flag = Arc::new(AtomicUsize::new(0));
    let parked = thread::spawn({
        let flag = flag.clone();
        move || {
            while flag.load(SeqCst) == 0 {
                thread::park();
            }
            thread::park_timeout(Duration::from_millis(5));
            "unparked"
        }
    });
    flag.store(1, SeqCst);
    parked.thread().unpark();
    println!("{}", parked.join().unwrap());

    let poisoned = Arc::new(Mutex::new(0));
    let held = poisoned.clone();
    let named = thread::Builder::new().name("unlucky".into()).stack_size(128 << 10);
    let failed = named.spawn(move || {
        let _guard = held.lock().unwrap();
        panic!("on purpose");
    });
    println!("panic {} poisoned {}", failed.unwrap().join().is_err(), poisoned.lock().is_err());
    std::process::exit(5);
}
