"""Generates expressions whose value depends on how syntax-rules (R7RS 4.3) matches, instantiates and keeps scopes apart."""

import re

import expressions

# What the programs use: macros that insert the names that the programs use too.
PRELUDE = [
    '(define-syntax or2 (syntax-rules () ((_ a b) (let ((t a)) (if t t b)))))',
    '(define-syntax bind (syntax-rules () ((_ v e body) (let ((v e)) body))))',
    '(define-syntax twice (syntax-rules () ((_ e) (let ((tmp e)) (list tmp tmp)))))',
    '(define-syntax both (syntax-rules () ((_ a b) (let ((x a)) (let ((y b)) (list x y))))))',
    '(define-syntax swap! (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))',
    '(define-syntax define-and-use (syntax-rules () ((_ name v e body) '
    '(let-syntax ((name (syntax-rules () ((_ i) (let ((v e)) (list v i)))))) body))))',
    "(define-syntax cond-like (syntax-rules (else) ((_ a else b) (list 'else a b)) ((_ a t b) (list t a b))))",
]

ATOMS = ['1', '2', 'a', 'b', 'c', 'lit', 'other', '"s"', '#\\c', '#t', '()']


class Generator(expressions.Generator):

  # ---- Matching: patterns with the variables that they bind, each at its depth of ellipses; data that fit them.

  def fresh(self, prefix='v'):
    self.names += 1
    return f'{prefix}{self.names}'

  def pattern(self, depth, size, variables, ellipsis):
    """A pattern and a function that makes a datum for it. `variables`: (name, depth) are added."""
    kind = self.below(10)
    if size <= 0 or kind < 3:
      choice = self.below(10)
      if choice == 0:
        return 'lit', lambda: 'lit' if self.chance(0.9) else 'other'
      if choice == 1:
        atom = self.pick(('1', '"s"', '#\\c', '#t', '()'))
        return atom, lambda: atom if self.chance(0.9) else self.pick(ATOMS)
      if choice == 2:
        return '_', lambda: self.datum(1)
      name = self.fresh()
      variables.append((name, depth))
      return name, lambda: self.datum(1)
    parts = [self.pattern(depth, size - 1, variables, ellipsis) for _ in range(self.below(3))]
    before = len(parts)
    after = []
    repeated = None
    if self.chance(0.55) and depth < 3:
      repeated = self.pattern(depth + 1, size - 1, variables, ellipsis)
      after = [self.pattern(depth, size - 2, variables, ellipsis) for _ in range(self.pick((0, 0, 1, 2)))]
    vector = self.chance(0.2)
    tail = None
    if not vector and (before or repeated) and self.chance(0.2):
      tail = self.fresh('t')
      variables.append((tail, depth))
    texts = [p[0] for p in parts] + ([repeated[0], ellipsis] if repeated else []) + [p[0] for p in after]
    text = ' '.join(texts)
    text = f'#({text})' if vector else f'({text}{" . " + tail if tail else ""})'

    def make():
      items = [p[1]() for p in parts]
      if repeated:
        items += [repeated[1]() for _ in range(self.below(4))]
      items += [p[1]() for p in after]
      if self.chance(0.04):
        items = items[:-1] if self.chance(0.5) else items + ['extra']
      end = ''
      if tail and items and self.chance(0.7):
        end = f' . {self.pick(("tail", "(x y)", "()", "3"))}'
      return f'#({" ".join(items)})' if vector else f'({" ".join(items)}{end})'

    return text, make

  def datum(self, size):
    if size > 0 and self.chance(0.3):
      items = ' '.join(self.datum(size - 1) for _ in range(self.below(3)))
      return self.pick((f'({items})', f'({items})', f'#({items})'))
    return self.pick(ATOMS)

  def template(self, variables, ellipsis, size=3):
    """A template that uses variables at their depths."""
    items = []
    for _ in range(1 + self.below(4)):
      choice = self.below(10)
      if choice == 0 or not variables:
        items.append(self.pick(('sym', '7', '"t"', 'lit')))
      elif choice == 1:
        items.append(f'({ellipsis} {ellipsis})')
      elif choice == 2 and size > 0:
        items.append(self.template(variables, ellipsis, size - 1))
      else:
        items.append(self.repeated(self.pick(variables), variables, ellipsis))
    text = ' '.join(items)
    if self.chance(0.15):
      return f'#({text})'
    flat = [v for v, depth in variables if depth == 0]
    return f'({text}{" . " + self.pick(flat) if flat and self.chance(0.1) else ""})'

  def repeated(self, variable, variables, ellipsis):
    name, depth = variable
    if depth > 1 and self.chance(0.2):  # flattened
      return f'{name} {" ".join([ellipsis] * depth)}'
    text = name
    for level in range(depth):
      inner = [text]
      if self.chance(0.3):
        inner.append(self.pick(('k', '0')))
      others = [v for v, d in variables if d == 0]
      if others and self.chance(0.2):
        inner.insert(0, self.pick(others))
      text = f'({" ".join(inner)}) {ellipsis}' if len(inner) > 1 or self.chance(0.5) else f'{inner[0]} {ellipsis}'
      if level + 1 < depth:
        text = f'({text})'
    return text

  def matching(self):
    self.names = 0
    ellipsis = '...' if self.chance(0.85) else 'dots'
    rules, makers = [], []
    for _ in range(self.pick((1, 1, 2, 3))):
      variables = []
      pattern, make = self.pattern(0, 3, variables, ellipsis)
      rules.append(f"((_ {pattern}) '{self.template(variables, ellipsis)})")
      makers.append(make)
    rules.append("((_ . rest) '(none rest))")
    custom = '' if ellipsis == '...' else f'{ellipsis} '
    text = f'(syntax-rules {custom}(lit) {" ".join(rules)})'
    return f'(let-syntax ((m {text})) (m {self.pick(makers)()}))'

  # ---- Scopes: random programs in which macros insert names that the program uses too.

  def value(self, scope, size):
    """An expression whose value is a number or list. `scope`: the variables that hold one."""
    if size <= 0:
      return self.pick(scope) if scope and self.chance(0.7) else str(self.below(10))
    kind = self.below(13)
    sub = lambda s=scope: self.value(s, size - 1)
    # Names of core syntax that the program itself still needs are not shadowed by it, only passed to macros.
    name = self.pick(('x', 'y', 't', 'tmp', 'else'))
    inner = list(set(scope) | {name})
    inner.sort()
    if kind == 0:
      return f'(let (({name} {sub()})) {sub(inner)})'
    if kind == 1:
      return f'((lambda ({name}) {sub(inner)}) {sub()})'
    if kind == 2:
      return f'(cons {sub()} {sub()})'
    if kind == 3:
      return f'(or2 {sub()} {sub()})'
    if kind == 4:
      return f'(bind {name} {sub()} {sub(inner)})'
    if kind == 5:
      return f'(twice {sub()})'
    if kind == 6:
      return f'(both {sub()} {sub()})'
    if kind == 7:
      a, b = self.pick(('x', 'tmp')), self.pick(('y', 't'))
      both = sorted(set(scope) | {a, b})
      return f'(let (({a} {sub()}) ({b} {sub()})) (swap! {a} {b}) {sub(both)})'
    if kind == 8:
      shadowed = self.pick(('if', 'list', 'let', 'cons'))
      rest = [v for v in scope]
      return f"((lambda ({shadowed}) (both {self.pick(rest) if rest else 1} (or2 #f {self.below(9)}))) 'shadow)"
    if kind == 9:  # a macro that refers to what is in scope where it stands
      free = self.pick(scope) if scope else '5'
      macro = self.fresh('m')
      other = self.pick(('x', 'y', 't', 'tmp'))
      wider = sorted(set(scope) | {other})
      template = self.pick((f'(cons {free} e)', f'(let (({other} e)) (cons {free} {other}))',
                            f'(let (({other} {free})) (cons e {other}))'))
      use = self.value(wider, size - 2)
      return (f'(let-syntax (({macro} (syntax-rules () ((_ e) {template})))) '
              f'(let (({other} {self.below(10)})) ({macro} {use})))')
    if kind == 10:  # a macro that defines a macro
      macro = self.fresh('d')
      return (f'(define-and-use {macro} {self.pick(("x", "y", "tmp"))} {sub()} ({macro} {sub()}))')
    if kind == 11:
      return f"(cond-like {sub()} {self.pick(('else', 'x', 'tmp')) if 'x' in scope and 'tmp' in scope else 'else'} {sub()})"
    return f'(let* (({name} {sub()}) (y {sub(inner)})) {self.value(sorted(set(inner) | {"y"}), size - 1)})'

  def scopes(self):
    self.names = 0
    return self.value([], 4)

  # ---- Recursive macros, and forms that a macro builds.

  def recursive(self):
    items = [str(self.below(10)) for _ in range(self.below(7))]
    kind = self.below(6)
    data = ' '.join(items)
    if kind == 0:
      return ("(letrec-syntax ((rev (syntax-rules () ((_ () r) 'r) ((_ (a . b) r) (rev b (a . r)))))) "
              f'(rev ({data}) ()))')
    if kind == 1:
      return ("(letrec-syntax ((ev (syntax-rules () ((_) 'even) ((_ a . b) (od . b)))) "
              "(od (syntax-rules () ((_) 'odd) ((_ a . b) (ev . b))))) "
              f'(ev {data}))')
    if kind == 2:
      names = ['x', 'y', 'tmp', 't'][:1 + self.below(4)]
      bindings = ' '.join(f'({n} {self.below(10)})' for n in names)
      return (f'(let-syntax ((my-let (syntax-rules () ((_ ((n e) ...) b1 b2 ...) ((lambda (n ...) b1 b2 ...) e ...))))) '
              f'(my-let ({bindings}) (list {" ".join(names)})))')
    if kind == 3:
      clauses = ' '.join(f"(({' '.join(str(self.below(6)) for _ in range(self.below(4)))}) '{self.pick('abc')})"
                         for _ in range(self.below(4)))
      return ("(letrec-syntax ((pick (syntax-rules (else) ((_ k) 'none) ((_ k (else e)) e) "
              f'((_ k ((d ...) e) c ...) (if (memv k (quote (d ...))) e (pick k c ...)))))) (pick {self.below(6)} {clauses} '
              f"{self.pick(('', '(else 0)'))}))")
    if kind == 4:  # temporaries, one fresh for each item
      pairs = ' '.join(self.pick(('x', 'y', 'z')) for _ in range(2 + self.below(2)))
      return ('(let ((x 1) (y 2) (z 3)) (letrec-syntax ((rotate (syntax-rules () ((_ a ...) (rot () a ...)))) '
              '(rot (syntax-rules () ((_ ((v t) ...) ) (let ((t v) ...) (list t ...))) '
              '((_ (p ...) a b ...) (rot (p ... (a temp)) b ...))))) '
              f'(rotate {pairs})))')
    return ("(let-syntax ((be-like (syntax-rules () ((_ name) (let-syntax ((name (syntax-rules () "
            f"((_ a (... ...)) '(a (... ...) name))))) (name {data})))))) (be-like seq))")

  def expression(self):
    kinds = ((6, self.matching), (4, self.scopes), (1, self.recursive))
    n = self.below(sum(weight for weight, _ in kinds))
    for weight, kind in kinds:
      if n < weight:
        return expressions.Expression(kind(), False)
      n -= weight


LACKS = {'chez': re.compile(r'syntax-rules dots')}


def generate(seed, count):
  generator = Generator(seed)
  return [generator.expression() for _ in range(count)]
