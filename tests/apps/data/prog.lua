local t = {}
for i = 1, 1000 do t[#t + 1] = (i * 7919) % 1009 end
table.sort(t)
print(t[1], t[500], #t, string.format("%.10f %5d %q", math.pi, 42, "q\n"))
print(select(2, pcall(error, { code = 3 })).code)
print(select("#", string.gsub("hello world", "o", "0")), ("x"):rep(3, "-"))
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end)
print(co(), co(), co())
local f = assert(io.open("out.txt", "w")); f:write("one\n", 2, "\n"); f:close()
for l in io.lines("out.txt") do print(l) end
print(io.open("none"))
print(os.rename("out.txt", "moved.txt"), os.remove("moved.txt"), os.getenv("HOME"))
print(utf8.len("Ünï"), 7 // 2, 7 % -3, 1 << 40, 2^53, math.type(1), 10 / 2)
goto done
print("never")
::done::
print(#string.pack("i4z", 7, "abc"), os.time({ year = 2020, month = 1, day = 1, hour = 0 }))
collectgarbage()
print(collectgarbage("count") > 1)
