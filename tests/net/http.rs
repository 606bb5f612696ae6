// SPDX-License-Identifier: BSD-2-Clause
// A web server of the standard library alone: http PORT FOLDER. A thread for each connection, requests one after the
// other on it, files sent by io::copy (which takes sendfile or splice where it can).
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::{env, thread};

// A request's first line, its end of headers read past; None when the client has gone.
fn request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<(String, bool)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut keep = first.contains("HTTP/1.1");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Ok(Some((first, keep)));
        }
        if let Some(value) = line.strip_prefix("connection:") {
            keep = value.trim() == "keep-alive";
        }
    }
}

fn answer(out: &mut TcpStream, root: &Path, first: &str, keep: bool) -> io::Result<()> {
    let mut words = first.split_whitespace();
    let head = words.next() == Some("HEAD");
    let path = words.next().unwrap_or("/").trim_start_matches('/');
    let connection = if keep { "keep-alive" } else { "close" };
    let file = if path.contains("..") { None } else { File::open(root.join(if path.is_empty() { "index.html" } else { path })).ok() };
    match file {
        None => write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: {}\r\n\r\n", connection),
        Some(mut file) => {
            let length = file.metadata()?.len();
            write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n", length, connection)?;
            if !head {
                io::copy(&mut file, out)?;
            }
            Ok(())
        }
    }
}

fn serve(mut stream: TcpStream, root: &Path) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some((first, keep)) = request(&mut reader)? {
        answer(&mut stream, root, &first, keep)?;
        if !keep {
            break;
        }
    }
    Ok(())
}

fn main() {
    let args: Vec<String> = env::args().collect();
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, args[1].parse().unwrap())).unwrap();
    for stream in listener.incoming().flatten() {
        let root = args[2].clone();
        thread::spawn(move || serve(stream, Path::new(&root)));
    }
}
