-- closures.lisp in Lua: an expression is a table, a variable's name a string in it; runtime environments are tables.
function run(size)
  local function position(name, names)
    for i = 1, #names do
      if names[i] == name then return i end
    end
  end
  local function compile_variable(name, scope)
    local depth = 0
    while true do
      local i = position(name, scope.names)
      if i then
        if depth == 0 then return function(env) return env[i] end end
        if depth == 1 then return function(env) return env[0][i] end end
        return function(env)
          for _ = 1, depth do env = env[0] end
          return env[i]
        end
      end
      scope, depth = scope.outer, depth + 1
    end
  end
  local function compile_primitive(operator, a, b)
    if operator == "+" then return function(env) return a(env) + b(env) end end
    if operator == "-" then return function(env) return a(env) - b(env) end end
    if operator == "*" then return function(env) return a(env) * b(env) end end
    if operator == "<" then return function(env) return a(env) < b(env) end end
    if operator == "=" then return function(env) return a(env) == b(env) end end
  end
  local function compile(expression, scope)
    if type(expression) == "string" then return compile_variable(expression, scope) end
    if type(expression) ~= "table" then return function() return expression end end
    local head = expression[1]
    if head == "if" then
      local test = compile(expression[2], scope)
      local consequent = compile(expression[3], scope)
      local otherwise = compile(expression[4], scope)
      return function(env)
        if test(env) then return consequent(env) end
        return otherwise(env)
      end
    end
    if head == "fn" then
      local body = compile(expression[3], {names = expression[2], outer = scope})
      if #expression[2] == 1 then
        return function(env) return function(x) return body({[0] = env, x}) end end
      end
      return function(env) return function(x, y) return body({[0] = env, x, y}) end end
    end
    if head == "fix" then
      local inner = {names = {expression[2]}, outer = scope}
      local value = compile(expression[3], inner)
      local body = compile(expression[4], inner)
      return function(env)
        local inner = {[0] = env, false}
        inner[1] = value(inner)
        return body(inner)
      end
    end
    if expression[3] ~= nil then
      local primitive = compile_primitive(head, compile(expression[2], scope), compile(expression[3], scope))
      if primitive then return primitive end
    end
    if expression[3] == nil then
      local operator = compile(head, scope)
      local operand = compile(expression[2], scope)
      return function(env) return operator(env)(operand(env)) end
    end
    local operator = compile(head, scope)
    local first = compile(expression[2], scope)
    local second = compile(expression[3], scope)
    return function(env) return operator(env)(first(env), second(env)) end
  end
  local fib = {"fn", {"n"}, {"fix", "fib",
    {"fn", {"n"}, {"if", {"<", "n", 2}, "n", {"+", {"fib", {"-", "n", 1}}, {"fib", {"-", "n", 2}}}}},
    {"fib", "n"}}}
  local powers = {"fn", {"n"}, {"fix", "loop",
    {"fn", {"i", "sum"}, {"if", {"=", "i", 0}, "sum", {"loop", {"-", "i", 1}, {"+", "sum", {"*", "i", "i"}}}}},
    {"loop", "n", 0}}}
  local twice = {"fn", {"n"},
    {{{"fn", {"f"}, {"fn", {"x"}, {"f", {"f", "x"}}}}, {"fn", {"x"}, {"+", "x", "n"}}}, 1}}
  local function execute(program, argument)
    return program({[0] = false})(argument)
  end
  local global = {names = {}}
  local sum = 0
  for i = 0, 20 * size - 1 do sum = sum + execute(compile(twice, global), i) end
  return string.format("(%d %d %d)", sum, execute(compile(fib, global), size),
    execute(compile(powers, global), size * 400))
end
