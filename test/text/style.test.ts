import { describe, expect, it } from 'vitest'
import { plain, styleFor, type TextSink } from '../../src/text/style.ts'

const write = () => {}
const terminal: TextSink = { write, isTTY: true, hasColors: () => true }
const poorTerminal: TextSink = { write, isTTY: true, hasColors: () => false }
const file: TextSink = { write }

describe('colours', () => {
  it.each<[string, TextSink, NodeJS.ProcessEnv, boolean]>([
    ['a terminal', terminal, {}, true],
    ['a terminal that does not say how many colours it has', { write, isTTY: true }, {}, true],
    ['a terminal without colours', poorTerminal, {}, false],
    ['a file', file, {}, false],
    ['a stream that says it is no terminal', { write, isTTY: false, hasColors: () => true }, {}, false],
    ['a terminal, NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['a terminal, NO_COLOR of any value', terminal, { NO_COLOR: '0' }, false],
    ['a terminal, NO_COLOR that is empty', terminal, { NO_COLOR: '' }, true],
    ['a file, FORCE_COLOR', file, { FORCE_COLOR: '1' }, true],
    ['a file, FORCE_COLOR that is empty', file, { FORCE_COLOR: '' }, false],
    ['a terminal, FORCE_COLOR that is empty', terminal, { FORCE_COLOR: '' }, true],
    ['a file, FORCE_COLOR=3', file, { FORCE_COLOR: '3' }, true],
    ['a terminal, FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
    ['a terminal, FORCE_COLOR=false', terminal, { FORCE_COLOR: 'false' }, false],
    ['a dumb terminal', { write, isTTY: true }, { TERM: 'dumb' }, false],
    ['a dumb terminal, FORCE_COLOR', { write, isTTY: true }, { TERM: 'dumb', FORCE_COLOR: '1' }, true],
    ['a file, both', file, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  ])('of %s', (_where, sink, env, colored) => {
    const style = styleFor(sink, env)
    expect(style('red', 'text')).toBe(colored ? '\u001b[31mtext\u001b[39m' : 'text')
    if (!colored) expect(style).toBe(plain)
    expect(style('bold', 'text')).toBe(colored ? '\u001b[1mtext\u001b[22m' : 'text')
  })
})
