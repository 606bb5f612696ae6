(* SPDX-License-Identifier: BSD-2-Clause *)
(* OCaml, native code: allocation and collection, exceptions, files, printing, the Unix-free standard library. *)
exception Deep of int

let rec dive n = if n = 0 then raise (Deep 42) else 1 + dive (n - 1)

module M = Map.Make (String)

let () =
  Printf.printf "hello from OCaml, %d arguments\n" (Array.length Sys.argv);
  (try ignore (dive 10000) with Deep n -> Printf.printf "deep %d\n" n);
  (try ignore (List.hd []) with Failure s -> Printf.printf "failure %s\n" s);
  let m = List.fold_left (fun m (k, v) -> M.add k v m) M.empty [ ("b", 2); ("a", 1); ("c", 3) ] in
  M.iter (fun k v -> Printf.printf "%s=%d " k v) m;
  print_newline ();
  let live = ref [] in
  for i = 1 to 2_000_00 do
    if i mod 100 = 0 then live := [ i ] :: !live;
    ignore (Array.make 20 i)
  done;
  Gc.full_major ();
  Printf.printf "%d live lists, sum %d\n" (List.length !live) (List.fold_left (fun a l -> a + List.hd l) 0 !live);
  let oc = open_out "text" in
  Printf.fprintf oc "one\ntwo\n";
  close_out oc;
  let ic = open_in "text" in
  (try
     while true do
       print_endline (String.uppercase_ascii (input_line ic))
     done
   with End_of_file -> close_in ic);
  Sys.remove "text";
  (try ignore (open_in "none") with Sys_error e -> print_endline e);
  let rec overflow n = 1 + overflow (n + 1) in
  (try ignore (overflow 0) with Stack_overflow -> print_endline "stack overflow caught");
  Printf.printf "%s %.10f\n" (Digest.to_hex (Digest.string "abc")) (sqrt 2.0);
  prerr_endline "on standard error";
  exit 6
