#!/usr/bin/env python3
"""Compares Islet with Guile, Chez Scheme, Gambit and Chicken, on generated expressions.

    apt-get install guile-3.0 chezscheme gambc chicken-bin
    isolate/conformance/differential/compare.py [numbers|texts|macros] [--seed N] [--count N] [--record]

Makes expressions (the same ones for the same seed), evaluates them in all systems, and prints what Islet answers
differently from two or more of the others that agree, unless explained.py says why. Ends with 1 if there was such a
difference. With --record it writes the expressions and the answers on which two of the others agree to numbers.scm
(texts.scm, macros.scm), which the test differential_numbers (...) evaluates wherever Islet is built, without the other
systems. What differs for a reason is recorded too, with the reason and Islet's answer.
"""

import argparse
import collections
import os
import subprocess
import sys
import tempfile
import time

import expressions
import explained
import macros
import texts as text_expressions
import values

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, '..', '..', '..'))

# Each driver reads one expression after the other from the file that takes the place of EXPRESSIONS, and prints a
# line for each: its number, and `= VALUE`, `! error`, or `? unbound` if the system lacks a procedure.
GUILE = r'''
(use-modules (rnrs base) (scheme base) (scheme char) (ice-9 rdelim))
(read-enable 'r6rs-hex-escapes)
(define bitwise-and logand) (define bitwise-ior logior) (define bitwise-xor logxor) (define bitwise-not lognot)
(define arithmetic-shift ash) (define bit-count logcount)
(define (bit-set? i n) (logbit? i n))
(define (bit-field n start end) (bit-extract n start end))
(define (read-number s) (string->number s))
PRELUDE
(define in (open-input-file "EXPRESSIONS"))
(let loop ((n 0) (e (read in)))
  (if (not (eof-object? e))
      (begin
        (display n) (display " ")
        (catch #t
          (lambda ()
            (let ((v (eval e (interaction-environment)))) (display "= ") (SHOW v)))
          (lambda (key . args) (display (if (eq? key 'unbound-variable) "? unbound" "! error"))))
        (newline)
        (force-output)
        (loop (+ n 1) (read in)))))
'''

CHEZ = r'''
(define arithmetic-shift bitwise-arithmetic-shift)
(define integer-length bitwise-length)
(define (bit-count n) (if (< n 0) (bitwise-bit-count (bitwise-not n)) (bitwise-bit-count n)))
(define (bit-set? i n) (bitwise-bit-set? n i))
(define (bit-field n start end) (bitwise-bit-field n start end))
PRELUDE
(define in (open-input-file "EXPRESSIONS"))
(let loop ((n 0) (e (read in)))
  (if (not (eof-object? e))
      (begin
        (display n) (display " ")
        (guard (c (#t (display
                       (if (and (message-condition? c)
                                (string=? (condition-message c) "variable ~:s is not bound"))
                           "? unbound" "! error"))))
          (let ((v (eval e))) (display "= ") (SHOW v)))
        (newline)
        (flush-output-port)
        (loop (+ n 1) (read in)))))
'''

GAMBIT = r'''
(define bytevector? u8vector?) (define bytevector-length u8vector-length) (define bytevector-u8-ref u8vector-ref)
PRELUDE
(define in (open-input-file "EXPRESSIONS"))
(let loop ((n 0) (e (read in)))
  (if (not (eof-object? e))
      (begin
        (display n) (display " ")
        (with-exception-catcher
         (lambda (c) (display (if (unbound-global-exception? c) "? unbound" "! error")))
         (lambda () (let ((v (eval e))) (display "= ") (SHOW v))))
        (newline)
        (force-output)
        (loop (+ n 1) (read in)))))
'''

CHICKEN = r'''
(import (chicken condition) (chicken base))
(define (bytevector? v) #f) (define (bytevector-length v) 0) (define (bytevector-u8-ref v i) 0)
PRELUDE
(define in (open-input-file "EXPRESSIONS"))
(let loop ((n 0) (e (read in)))
  (if (not (eof-object? e))
      (begin
        (display n) (display " ")
        (handle-exceptions c (display "! error")
          (let ((v (eval e))) (display "= ") (SHOW v)))
        (newline)
        (flush-output)
        (loop (+ n 1) (read in)))))
'''

ISLET = r'''
(import (islet))
(define names (environment '(islet)))
(define-syntax define-there (syntax-rules () ((_ form) (eval 'form names))))
PRELUDE
(define in (open-input-file "EXPRESSIONS"))
(let loop ((n 0) (e (read in)))
  (if (not (eof-object? e))
      (begin
        (display n) (display " ")
        (guard (c (#t (display "! ")
                      (display (if (error-object? c) (error-object-message c) c))))
          (let ((v (eval e names))) (display "= ") (SHOW v)))
        (newline)
        (flush-output-port)
        (loop (+ n 1) (read in)))))
'''

# Characters of an expression and its answer that are recorded.
LONGEST = 300

# What is compared: the generator, the systems (Gambit's macros are not hygienic, Chicken's strings are bytes), how many expressions of it are recorded, and whether answers are numbers, which each
# system writes in its way; other values are written by show.scm.
Kind = collections.namedtuple('Kind', 'generator peers recorded numbers')
KINDS = {
    'numbers': Kind(expressions, ('guile', 'chez', 'gambit'), 2000, True),
    'texts': Kind(text_expressions, ('guile', 'chez', 'gambit'), 1100, False),
    'macros': Kind(macros, ('guile', 'chez', 'chicken'), 1100, False),
}

# That a system may take over one expression.
SECONDS = 5

ISLET_TARGET = '//isolate/conformance:differential_numbers_test'
ISLET_PROGRAM = os.path.join(ROOT, 'bazel-bin/isolate/conformance/differential_numbers_test')

PEERS = {
    'guile': (GUILE, lambda script: ['guile', '--no-auto-compile', script]),
    'chez': (CHEZ, lambda script: ['chezscheme', '--script', script]),
    'gambit': (GAMBIT, lambda script: ['gsi', '-:d-', script]),
    'chicken': (CHICKEN, lambda script: ['csi', '-s', script]),
}


def driver_of(name, driver, kind):
  """The driver with what the kind of expressions needs defined."""
  prelude = kind.generator.PRELUDE
  if name == 'islet':
    prelude = [f'(define-there {form})' for form in prelude]
  if kind.numbers:
    return driver.replace('PRELUDE', '\n'.join(prelude)).replace('SHOW v', 'write v')
  with open(os.path.join(HERE, 'show.scm')) as f:
    prelude = [f.read()] + prelude
  return driver.replace('PRELUDE', '\n'.join(prelude)).replace('SHOW v', 'show v (current-output-port)')


def answers(name, driver, command, texts, scratch, kind):
  """What a system answers to each expression: a list of values.Answer.

  A system that takes longer than SECONDS over one expression, or ends at it, is started again behind it.
  """
  result = [values.Answer('none', None, 'no answer')] * len(texts)
  start = 0
  while start < len(texts):
    expressions_file = os.path.join(scratch, name + '.expressions')
    with open(expressions_file, 'w') as f:
      f.write('\n'.join(texts[start:]) + '\n')
    script = os.path.join(scratch, name + '.scm')
    with open(script, 'w') as f:
      f.write(driver.replace('EXPRESSIONS', expressions_file))
    with open(os.path.join(scratch, name + '.out'), 'w+b') as output:
      process = subprocess.Popen(command(script), stdout=output, stderr=subprocess.STDOUT, cwd=scratch)
      size, waited = 0, 0
      while process.poll() is None and waited < SECONDS:
        time.sleep(0.1)
        grown = os.fstat(output.fileno()).st_size
        waited = 0 if grown > size else waited + 0.1
        size = grown
      if process.poll() is None:
        process.kill()
      process.wait()
      output.seek(0)
      lines = output.read().decode('utf-8', 'replace').splitlines()
    done = 0
    for line in lines:
      head, _, rest = line.partition(' ')
      if head == str(done) and start + done < len(texts) and rest[:1] in ('=', '!', '?'):
        result[start + done] = values.read_answer(rest) if kind.numbers else values.shown_answer(rest)
        done += 1
    if start + done < len(texts):
      print(f'{name} gave no answer to {texts[start + done]}')
      if done == 0 and lines:
        print('  ' + lines[-1])
    start += done + 1
  return result


def agreed(expression, peers):
  """The answer that two or more peers give, or None."""
  given = [a for a in peers if a.kind in ('value', 'error')]
  for i, a in enumerate(given):
    for b in given[i + 1:]:
      if values.same(a, b, expression.near):
        return a
  return None


def record(path, name, seed, triples):
  kind = KINDS[name]
  near = (' `near` allows\n;; for rounding, as these systems\' functions differ in the last places.' if kind.numbers else
          '\n;; (show.scm). A comment says why an answer is not that of the others.')
  with open(path, 'w') as f:
    f.write(f''';; Expressions, and what at least two of Guile 3.0, Chez Scheme 9.5, Gambit 4.9 and Chicken 5.3 (Debian 12) answer to
;; them alike. Made by differential/compare.py {name} --seed {seed} --record; the answers are as Islet writes them.{near}
''')
    for form in kind.generator.PRELUDE:
      f.write(f'(prelude {form})\n')
    for expression, answer, reason in triples:
      if reason is not None:
        f.write(f';; {reason}:\n')
      if kind.numbers:
        how = 'near' if expression.near and answer.kind == 'value' and values.inexact(answer.value) else 'agree'
        text = values.islet_text(answer)
      else:
        how, text = 'agree', 'error' if answer.kind == 'error' else answer.value
      f.write(f'({how} {values.quoted(expression.text)} {values.quoted(text)})\n')


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('kind', nargs='?', default='numbers', choices=sorted(KINDS))
  parser.add_argument('--seed', type=int, default=1)
  parser.add_argument('--count', type=int, default=5000, help='expressions to generate')
  parser.add_argument('--record', action='store_true', help='write KIND.scm')
  parser.add_argument('--no-build', action='store_true', help='Islet is built already')
  arguments = parser.parse_args()

  if not arguments.no_build:
    subprocess.run(['./bazelw', 'build', ISLET_TARGET], cwd=ROOT, check=True)
  kind = KINDS[arguments.kind]
  all_expressions = kind.generator.generate(arguments.seed, arguments.count)
  texts = [e.text for e in all_expressions]
  with tempfile.TemporaryDirectory() as scratch:
    islet = answers('islet', driver_of('islet', ISLET, kind), lambda script: [ISLET_PROGRAM, script], texts, scratch, kind)
    peers = {name: answers(name, driver_of(name, driver, kind), command, texts, scratch, kind)
             for name, (driver, command) in PEERS.items() if name in kind.peers}

  count = collections.Counter()
  different = 0
  pairs = []
  for i, expression in enumerate(all_expressions):
    others = {name: p[i] for name, p in peers.items()
              if name not in kind.generator.LACKS or not kind.generator.LACKS[name].search(expression.text)}
    answer = agreed(expression, others.values())
    if answer is None:
      count['on which no two others agree'] += 1
      continue
    if values.same(answer, islet[i], expression.near):
      count['alike'] += 1
      pairs.append((expression, answer, None))
      continue
    reason = explained.reason(arguments.kind, expression.text, answer, islet[i])
    if reason is not None:
      count[f'explained: {reason}'] += 1
      if not kind.numbers:
        pairs.append((expression, islet[i], reason))
      continue
    different += 1
    print(f'{expression.text}\n  islet: {islet[i].text}')
    for name, other in others.items():
      print(f'  {name}: {other.text}')
  for what, number in sorted(count.items()):
    print(f'{number:6} {what}')
  print(f'{different:6} different')
  if arguments.record:
    seen = set()
    unique = [p for p in pairs if len(p[0].text) + len(p[1].text) <= LONGEST and
              not (p[0].text in seen or seen.add(p[0].text))]
    step = max(1, len(unique) / kind.recorded)
    chosen = [unique[int(k * step)] for k in range(min(kind.recorded, len(unique)))]
    record(os.path.join(HERE, arguments.kind + '.scm'), arguments.kind, arguments.seed, chosen)
    print(f'{len(chosen):6} recorded in {arguments.kind}.scm')
  return 1 if different else 0


if __name__ == '__main__':
  sys.exit(main())
