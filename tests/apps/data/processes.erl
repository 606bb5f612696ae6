%% Erlang: its processes on all schedulers, messages, timers, tables, links, port programs, files and sockets.
-module(processes).
-export([main/0]).
main() ->
    Self = self(),
    Ring = lists:foldl(fun(_, Next) -> spawn(fun() -> pass(Next) end) end, Self, lists:seq(1, 1000)),
    Ring ! {token, 0},
    receive {token, N} -> io:format("ring ~p~n", [N]) end,
    Pids = [spawn_monitor(fun() -> exit({fib, fib(I)}) end) || I <- lists:seq(10, 20)],
    io:format("~p~n", [[receive {'DOWN', R, process, P, Why} -> Why end || {P, R} <- Pids]]),
    T = ets:new(t, [set, public, {write_concurrency, true}]),
    Adders = [spawn_monitor(fun() -> [ets:update_counter(T, sum, K, {sum, 0}) || K <- lists:seq(1, 1000)] end)
              || _ <- lists:seq(1, 8)],
    [receive {'DOWN', R, process, P, normal} -> ok end || {P, R} <- Adders],
    io:format("ets ~p~n", [ets:lookup(T, sum)]),
    [erlang:send_after(X * 20, self(), X) || X <- [3, 1, 2]],
    io:format("timers ~p~n", [[receive X when is_integer(X) -> X end || _ <- [1, 2, 3]]]),
    io:format("time-out ~p~n", [receive none -> none after 30 -> late end]),
    process_flag(trap_exit, true),
    Child = spawn_link(fun() -> receive stop -> exit(stopped) end end),
    Child ! stop,
    receive {'EXIT', Child, Reason} -> io:format("linked ~p~n", [Reason]) end,
    process_flag(trap_exit, false),
    io:format("~s", [os:cmd("echo a shell; exit 3")]),
    io:format("~s", [os:cmd("seq 1 1000 | sort -rn | head -2")]),
    Cat = open_port({spawn_executable, "/bin/cat"}, [binary, {line, 100}, exit_status]),
    [port_command(Cat, [integer_to_list(I), $\n]) || I <- lists:seq(1, 100)],
    io:format("port ~p~n", [lists:sum([receive {Cat, {data, {eol, L}}} -> binary_to_integer(L) end || _ <- lists:seq(1, 100)])]),
    port_close(Cat),
    False = open_port({spawn, "/bin/sh -c 'exit 7'"}, [exit_status]),
    receive {False, {exit_status, S}} -> io:format("exit ~p~n", [S]) end,
    Many = [open_port({spawn, "/bin/sh -c 'echo " ++ integer_to_list(I) ++ "'"}, [exit_status, {line, 100}]) || I <- lists:seq(1, 20)],
    io:format("many ~p~n", [lists:sum([receive {P, {data, {eol, L}}} -> list_to_integer(L) end || P <- Many])]),
    [receive {P, {exit_status, 0}} -> ok end || P <- Many],
    ok = file:write_file("out.bin", [binary:copy(<<"proa">>, 100000)]),
    {ok, B} = file:read_file("out.bin"),
    io:format("file ~p ~p~n", [byte_size(B), erlang:crc32(B)]),
    {ok, Listen} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listen),
    spawn(fun() -> {ok, A} = gen_tcp:accept(Listen), {ok, D} = gen_tcp:recv(A, 5), gen_tcp:send(A, [D, D]) end),
    {ok, C} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, true}]),
    ok = gen_tcp:send(C, "hello"),
    io:format("tcp ~s~n", [collect(C, <<>>)]).

pass(Next) -> receive {token, N} -> Next ! {token, N + 1} end.

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

collect(_, B) when byte_size(B) >= 10 -> B;
collect(C, B) -> receive {tcp, C, More} -> collect(C, <<B/binary, More/binary>>) end.
