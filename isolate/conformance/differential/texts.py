"""Generates expressions about characters, strings, vectors and bytevectors (R7RS 6.6 to 6.9), and their numerals.

Expressions are ASCII: other characters are written as escapes, which all systems read.
"""

import re

import expressions

# Cased pairs and triples, special casings, final sigma, digits of several scripts, ligatures, marks, beyond the BMP.
CHARACTERS = [ord(c) for c in 'aazZAbBcxyKkiIsS019 !~_-'] + [
    0xe9, 0xc9, 0xdf, 0x130, 0x131, 0x17f, 0x1c4, 0x1c5, 0x1c6, 0x345, 0x390, 0x3a3, 0x3c3, 0x3c2, 0x3bb, 0x39b, 0x3d0,
    0x3b2, 0xb5, 0x3bc, 0x1e9e, 0x1f88, 0x1f80, 0x1fbc, 0x212a, 0x212b, 0xe5, 0x2160, 0x2170, 0xfb01, 0xfb03, 0x10400,
    0x10428, 0x660, 0x669, 0x966, 0x96f, 0xbd, 0xb2, 0x1d7d8, 0x3b1, 0x2028, 0xa0, 0x3000, 0x200b, 0x5d0, 0x4e00, 0x24b6,
    0x24d0, 0xaa, 0xd7, 0xf7, 0x13a0, 0xab70, 0x10d0, 0x1c90, 0x451, 0x401, 0x1f600, 0xffff, 0x10ffff, 0x300]

PRELUDE = []

# What a system lacks, or has in another form.
_RANGES = (r'string-copy!?|string->list|string->vector|vector->string|vector->list|vector-copy!?|vector-fill!|string-fill!|'
           r'string->utf8|utf8->string|bytevector-copy!?|bytevector-append|bytevector\b|vector-append|string-map|'
           r'list-copy|list-set!|make-list|digit-value|char-foldcase|symbol=\?|boolean=\?|string-for-each|vector-for-each|'
           r'vector-map|exact-integer|assoc|member|list-tail')
LACKS = {'chez': re.compile(rf'\((?:{_RANGES})')}


def string_literal(codes):
  text = ''
  for c in codes:
    if 32 <= c < 127 and c not in (34, 92):
      text += chr(c)
    else:
      text += f'\\x{c:x};'
  return f'"{text}"'


def character(c):
  return f'#\\{chr(c)}' if 33 <= c < 127 else f'#\\x{c:x}'


class Generator(expressions.Generator):

  def char(self):
    return self.pick(CHARACTERS)

  def codes(self, longest=7):
    if self.chance(0.5):
      return [self.pick(CHARACTERS[:24]) for _ in range(self.below(longest + 1))]
    return [self.char() for _ in range(self.below(longest + 1))]

  def string(self, longest=7):
    return string_literal(self.codes(longest))

  def index_pair(self, length):
    """' start', ' start end' or nothing; now and then one that does not fit."""
    if self.chance(0.2):
      return ''
    start = self.below(length + 1)
    if self.chance(0.06):
      start += length + 1
    if self.chance(0.3):
      return f' {start}'
    end = start + self.below(max(1, length + 1 - start))
    if self.chance(0.06):
      end = self.pick((start - 1, length + 1))
    return f' {start} {end}'

  def char_property(self):
    operator = self.pick(('char-upcase', 'char-downcase', 'char-foldcase', 'char-alphabetic?', 'char-numeric?',
                          'char-whitespace?', 'char-upper-case?', 'char-lower-case?', 'digit-value', 'char->integer'))
    return f'({operator} {character(self.char())})'

  def char_compare(self):
    operator = f'char{self.pick(("", "-ci"))}{self.pick(("=?", "<?", ">?", "<=?", ">=?"))}'
    return f'({operator} {" ".join(character(self.char()) for _ in range(self.pick((2, 2, 3))))})'

  def string_case(self):
    return f'({self.pick(("string-upcase", "string-downcase", "string-foldcase"))} {self.string()})'

  def string_compare(self):
    operator = f'string{self.pick(("", "-ci", "-ci"))}{self.pick(("=?", "<?", ">?", "<=?", ">=?"))}'
    first = self.codes(4)
    others = []
    for _ in range(self.pick((1, 1, 2))):
      other = list(first)
      if other and self.chance(0.8):  # the same but for one character, perhaps in case only
        i = self.below(len(other))
        c = chr(other[i])
        other[i] = self.pick([ord(d) for d in (c.lower(), c.upper(), c.swapcase()) if len(d) == 1] + [self.char()])
      if self.chance(0.3):
        other.append(self.char())
      others.append(other)
    return f'({operator} {" ".join(string_literal(codes) for codes in [first] + others)})'

  def string_parts(self):
    codes = self.codes()
    text = string_literal(codes)
    kind = self.below(9)
    if kind == 0:
      start = self.below(len(codes) + 1)
      return f'(substring {text} {start} {start + self.below(len(codes) + 1 - start)})'
    if kind == 1:
      return f'(string-append {" ".join(self.string(4) for _ in range(self.below(4)))})'
    if kind == 2:
      return f'(string-ref {text} {self.below(len(codes) + 1)})'
    if kind == 3:
      return f'(string-length {text})'
    if kind == 4:
      return f'(string->symbol {text})'
    if kind == 5:
      return f"(list->string '({' '.join(character(c) for c in codes)}))"
    operator = self.pick(('string-copy', 'string->list', 'string->vector', 'string->utf8'))
    return f'({operator} {text}{self.index_pair(len(codes))})'

  def string_change(self):
    to, source = self.codes(), self.codes()
    name = self.pick(('string-copy!', 'string-copy!', 'string-copy! itself', 'string-fill!', 'string-set!'))
    if name == 'string-set!':
      change = f'(string-set! s {self.below(len(to) + 1)} {character(self.char())})'
    elif name == 'string-fill!':
      change = f'(string-fill! s {character(self.char())}{self.index_pair(len(to))})'
    else:
      itself = 'itself' in name
      start, end = sorted((self.below(len(to if itself else source) + 1), self.below(len(to if itself else source) + 1)))
      at = self.below(max(1, len(to) + 1 - (end - start)))
      change = f'(string-copy! s {at} {"s" if itself else string_literal(source)} {start} {end})'
    return f'(let ((s (string-copy {string_literal(to)}))) {change} s)'

  def string_walk(self):
    count = self.pick((1, 2, 2, 3))
    strings = ' '.join(self.string(5) for _ in range(count))
    names = ' '.join('abc'[:count])
    if self.chance(0.5):
      procedure = self.pick(('char-upcase', 'char-downcase')) if count == 1 else (
          f'(lambda ({names}) (if (char{self.pick(("", "-ci"))}<? a b) {self.pick("ab")} {self.pick("abc"[:count])}))')
      return f'(string-map {procedure} {strings})'
    return (f"(let ((r '())) (string-for-each (lambda ({names}) (set! r (cons (list {names}) r))) {strings}) (reverse r))")

  def numeral(self):
    radix = self.pick((2, 8, 10, 10, 16, 3, 7, 36))
    if self.chance(0.4):
      return f'(number->string {self.exact() if radix < 37 else 0} {radix})' if self.chance(0.7) else (
          f'(string->number (number->string {self.flonum()} 10) 10)')
    if radix in (2, 8, 10, 16):
      text = self.real_text(radix)
      if self.chance(0.3):
        text = self.pick(('#e', '#i', '#x', '#b', '#o', '#d', '#E', '#X')) + text
      if self.chance(0.15):
        where = self.below(len(text) + 1)
        text = text[:where] + self.pick(('+', '-', '.', 'e', '/', 'i', '#', ' ', '1', 'F', '_')) + text[where:]
      return f'(string->number "{text}" {radix})'
    return f'(string->number "{self.digits(min(radix, 16), 9)}" {radix})'

  # ---- Sequences of other kinds.

  def item(self):
    return self.pick(('1', '2', '"s"', '#\\c', 'x', '()', '(1 . 2)', '#t', '"S"'))

  def vector_range(self):
    items = [self.item() for _ in range(self.below(7))]
    vector = f"'#({' '.join(items)})"
    kind = self.below(7)
    if kind < 2:
      return f'({self.pick(("vector-copy", "vector->list"))} {vector}{self.index_pair(len(items))})'
    if kind == 2:
      codes = self.codes()
      return f"(vector->string '#({' '.join(character(c) for c in codes)}){self.index_pair(len(codes))})"
    if kind == 3:
      return f"(vector-append {vector} '#({' '.join(self.item() for _ in range(self.below(4)))}))"
    if kind == 4:
      return f"(let ((v (vector-copy {vector}))) (vector-fill! v 'f{self.index_pair(len(items))}) v)"
    if kind == 5:
      start, end = sorted((self.below(len(items) + 1), self.below(len(items) + 1)))
      at = self.below(max(1, len(items) + 1 - (end - start)))
      source = self.pick(('v', vector))
      return f'(let ((v (vector-copy {vector}))) (vector-copy! v {at} {source} {start} {end}) v)'
    other = ' '.join(self.item() for _ in range(self.below(6)))
    return f"({self.pick(('vector-map', 'map'))} list {vector} '#({other}))" if self.chance(0.5) else (
        f"(vector-map (lambda (a b) (equal? a b)) {vector} '#({other}))")

  def bytes_range(self):
    items = [str(self.pick((0, 1, 97, 127, 255, 200))) for _ in range(self.below(7))]
    bytevector = f"(bytevector {' '.join(items)})" if items else '(bytevector)'
    kind = self.below(5)
    if kind == 0:
      return f'(bytevector-copy {bytevector}{self.index_pair(len(items))})'
    if kind == 1:
      return f'(bytevector-append {bytevector} (bytevector 7 8))'
    if kind == 2:
      start, end = sorted((self.below(len(items) + 1), self.below(len(items) + 1)))
      at = self.below(max(1, len(items) + 1 - (end - start)))
      return f'(let ((v {bytevector})) (bytevector-copy! v {at} {self.pick(("v", bytevector))} {start} {end}) v)'
    codes = self.codes()
    size = len(''.join(chr(c) for c in codes).encode())
    if kind == 3:
      ascii_codes = [c for c in codes if c < 128]
      return f'(utf8->string (string->utf8 {string_literal(ascii_codes)}){self.index_pair(len(ascii_codes))})'
    return f'(utf8->string (string->utf8 {string_literal(codes)}) 0 {size})'

  def list_range(self):
    items = ' '.join(self.item() for _ in range(self.below(6)))
    kind = self.below(6)
    if kind == 0:
      return f"(list-tail '({items}) {self.below(6)})"
    if kind == 1:
      return f"(list-copy '({items}{self.pick(('', '', ' . t')) if items else ''}))"
    if kind == 2:
      return f"(append '({items}) {self.pick((chr(39) + 'tail', chr(39) + '(a)', '(list 1 2)'))})"
    if kind == 3:
      return f"({self.pick(('member', 'memv', 'assoc'))} {self.pick(('1', '2', chr(34) + 's' + chr(34)))} '((1 . a) 1 \"s\" (2)))"
    if kind == 4:
      return f"(member {self.string(1)} '(\"a\" \"B\") string-ci=?)"
    return f"(list->vector '({items}))"

  def expression(self):
    kinds = ((14, self.char_property), (6, self.char_compare), (14, self.string_case), (12, self.string_compare),
             (14, self.string_parts), (8, self.string_change), (8, self.string_walk), (10, self.numeral),
             (9, self.vector_range), (6, self.bytes_range), (3, self.list_range))
    n = self.below(sum(weight for weight, _ in kinds))
    for weight, kind in kinds:
      if n < weight:
        return expressions.Expression(kind(), False)
      n -= weight


def generate(seed, count):
  generator = Generator(seed)
  return [generator.expression() for _ in range(count)]
