-- wordcount.lisp in Lua. A string is read by string.byte, as it has no characters; a table takes a port's place.
function run(size)
  local floor, byte = math.floor, string.byte
  local syllables = {"ka", "lo", "mi", "ne", "ra", "su", "ti", "vo", "zen", "Bor"}
  local seed = 99
  local function random(n)
    seed = seed * 8043 % 131071
    return floor(seed / 7) % n
  end
  local parts, n = {}, 0
  for _ = 1, size do
    for _ = 1, 1 + random(4) do
      n = n + 1
      parts[n] = syllables[1 + random(10)]
    end
    n = n + 1
    parts[n] = random(9) == 0 and ", " or " "
  end
  local text = table.concat(parts)
  local counts = {}
  local function note(word) counts[word] = 1 + (counts[word] or 0) end
  local letters, length = {}, 0
  for i = 1, #text do
    local c = byte(text, i)
    if c >= 97 and c <= 122 then
      length = length + 1
      letters[length] = c
    elseif c >= 65 and c <= 90 then
      length = length + 1
      letters[length] = c + 32
    elseif length > 0 then
      note(string.char((table.unpack or unpack)(letters, 1, length)))
      length = 0
    end
  end
  if length > 0 then note(string.char((table.unpack or unpack)(letters, 1, length))) end
  local words, best, most = 0, "", 0
  for word, times in pairs(counts) do
    words = words + 1
    if times > most or times == most and word < best then best, most = word, times end
  end
  return string.format('(%d "%s" %d)', words, best, most)
end
