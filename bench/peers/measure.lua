-- Runs a program, checks what it gives against the text that is to be expected, and prints a line with the nanoseconds
-- of processor time that it took (Lua has no finer clock). Runs it again until it has taken that many seconds.
--   lua measure.lua FILE SIZE RESULT SECONDS
dofile(arg[1])
local size, seconds = tonumber(arg[2]), tonumber(arg[4])
local total = 0
repeat
  local before = os.clock()
  local result = run(size)
  local time = os.clock() - before
  if type(result) == "number" then result = string.format("%.0f", result) end
  if result ~= arg[3] then
    print("wrong " .. tostring(result))
    os.exit(1)
  end
  print(string.format("- %.0f", time * 1e9))
  total = total + time
until total >= seconds
