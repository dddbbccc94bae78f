/** A small generator with a seed, so that a failing text can be made again. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

// Pieces that a lexer of SQL treats specially, so that a random sequence meets its corners.
const pieces = [
  ...[
    "'",
    "''",
    "\\'",
    '\\',
    '"',
    '""',
    '$',
    '$$',
    '$a$',
    '$A$',
    '$1',
    '$1$',
    ';',
    '--',
    '\n',
    '\r',
    ' ',
    '\t',
  ],
  ...['/*', '*/', '/**/', '*', '/', '-', '.', ',', '(', ')', '::', 'E', "E'", "e'", "U&'", "N'", "B'", "X'"],
  ...[
    '1',
    '0x1F',
    '1e5',
    '1.5',
    '.5',
    '1_000',
    'a',
    'é',
    'begin',
    'START',
    'transaction',
    'COMMIT',
    'rollback',
  ],
  ...['and', 'chain', 'to', 'select', 'table_1', '\u0000', '\u001b[31m', '\ud800', '🛟', '\u2028'],
]

/** So many texts that are more or less SQL. */
export function* texts(count: number, seed = 1): Generator<string> {
  const random = randomFrom(seed)
  for (let made = 0; made < count; made++) {
    let text = ''
    for (let length = Math.floor(random() * 14); length > 0; length--) {
      text += pieces[Math.floor(random() * pieces.length)]
    }
    yield text
  }
}
