import { describe, expect, it } from 'vitest'
import { countsOf, duration, hueOf, stateOf } from '../../page/words.ts'
import { checkoutOf } from './samples.ts'

describe('the words of the page', () => {
  it('has durations that change once a second', () => {
    expect([400, 1_999, 61_900, -5].map(duration)).toEqual(['400 ms', '1 s', '1 min 1 s', '0 ms'])
  })

  it('counts names, the most frequent first', () => {
    expect(countsOf(['a', 'b', 'b', 'c', 'd', 'e'])).toBe('b (2), a, c, 2 more')
  })

  it('has a color for each name that is not the red of a leak', () => {
    expect(hueOf('GET /a')).toBe(hueOf('GET /a'))
    for (let at = 0; at < 200; at += 1) expect(hueOf(`GET /${at}`)).toBeGreaterThanOrEqual(60)
    for (let at = 0; at < 200; at += 1) expect(hueOf(`GET /${at}`)).toBeLessThanOrEqual(335)
  })

  it.each([
    [{ transaction: 'open', idleSince: 6_000 }, 'idle in transaction for 4 s'],
    [{ transaction: 'failed', idleSince: 6_000 }, 'idle in a failed transaction for 4 s'],
    [{ transaction: 'open' }, 'running a statement, out for 10 s'],
    [{ transaction: 'idle', idleSince: 6_000 }, 'idle for 4 s, out for 10 s'],
  ] as const)('says what a checkout does: %j', (now, text) => {
    expect(stateOf(checkoutOf({ now: { queryCount: 1, phase: 'out', ...now } }), 10_000)).toBe(text)
  })
})
