(* SPDX-License-Identifier: BSD-2-Clause *)
(* OCaml's system threads: one runs at a time, a tick makes them change; mutexes, conditions, events, signals. *)
let sum = ref 0
let lock = Mutex.create ()
let changed = Condition.create ()

let worker id =
  for i = 1 to 1000 do
    Mutex.lock lock;
    sum := !sum + (i * id);
    Condition.broadcast changed;
    Mutex.unlock lock;
    if i mod 100 = 0 then Thread.yield ()
  done

let () =
  let all = List.map (Thread.create worker) [ 1; 2; 3; 4 ] in
  Mutex.lock lock;
  while !sum < 5005000 do Condition.wait changed lock done;
  Mutex.unlock lock;
  List.iter Thread.join all;
  Printf.printf "sum %d\n%!" !sum;

  let channel = Event.new_channel () in
  let sender n = Thread.create (fun () -> for i = 1 to 100 do Event.sync (Event.send channel (n * i)) done) () in
  let senders = List.map sender [ 1; 2 ] in
  let got = ref 0 in
  for _ = 1 to 200 do got := !got + Event.sync (Event.receive channel) done;
  List.iter Thread.join senders;
  Printf.printf "events %d\n%!" !got;

  let r, w = Unix.pipe () in
  let reader = Thread.create (fun () -> let b = Bytes.create 10 in
      Printf.printf "read %d\n%!" (Unix.read r b 0 10)) () in
  Thread.delay 0.01;
  ignore (Unix.write_substring w "hello" 0 5);
  Thread.join reader;

  let stop = ref false in
  let spinner = Thread.create (fun () -> while not !stop do ignore (Sys.opaque_identity (ref 1)) done) () in
  Thread.delay 0.1;
  stop := true;
  Thread.join spinner;
  let kept = ref [] in
  let grow n = Thread.create (fun () -> for i = 1 to 20000 do
      if i mod n = 0 then (Mutex.lock lock; kept := Array.make 10 i :: !kept; Mutex.unlock lock) done) () in
  List.iter Thread.join (List.map grow [ 2; 5; 10 ]);
  Gc.full_major ();
  Printf.printf "kept %d\n%!" (List.length !kept);
  let caught = ref 0 in
  Sys.set_signal Sys.sigusr1 (Sys.Signal_handle (fun _ -> incr caught));
  Unix.kill (Unix.getpid ()) Sys.sigusr1;
  while !caught = 0 do Thread.delay 0.001 done;
  Printf.printf "caught %d\n%!" !caught;
  exit 6
