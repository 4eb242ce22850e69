-- strings.lisp in Lua. Characters are strings of one byte; strings do not change, so that tables stand for those that do.
function run(size)
  local sub, byte, char, concat = string.sub, string.byte, string.char, table.concat
  local function split(text, separator)
    local parts, from = {}, 1
    for i = 1, #text do
      if byte(text, i) == separator then
        parts[#parts + 1] = sub(text, from, i - 1)
        from = i + 1
      end
    end
    parts[#parts + 1] = sub(text, from)
    return parts
  end
  local function rotate(text)
    if #text == 0 then return text end
    return sub(text, 2) .. sub(text, 1, 1)
  end
  local function mirror(text)
    local letters, n = {}, #text
    for i = 1, n do letters[n + 1 - i] = sub(text, i, i) end
    return concat(letters)
  end
  local function shift_letters(text)
    local shifted = {}
    for i = 1, #text do
      local c = byte(text, i)
      if c >= 97 and c <= 122 then c = 97 + (c - 97 + 13) % 26 end
      shifted[i] = char(c)
    end
    return concat(shifted)
  end
  local function count_of(c, text)
    local count = 0
    for i = 1, #text do
      if byte(text, i) == c then count = count + 1 end
    end
    return count
  end
  local text = ""
  for _ = 1, 40 do text = "the quick brown fox jumps over the lazy dog, " .. text end
  local sum = 0
  for _ = 1, size do
    local words = split(text, 32)
    for i = 1, #words do words[i] = rotate(words[i]) end
    local new = shift_letters(concat(words, " "))
    sum = sum + count_of(111, new) + (new < text and 1 or 0) + (text == mirror(mirror(text)) and 10 or 0)
    text = new
  end
  return string.format('(%d "%s")', sum, sub(text, 1, 20))
end
