import { describe, expect, it } from 'vitest'
import { SessionChanges } from '../../../src/core/session-state/changes.ts'
import { heapBytes } from '../../support/garbage.ts'
import { after } from './session-steps.ts'

describe('what is kept of the statements of an owner', () => {
  it('does not grow with the savepoints of a long transaction', () => {
    const steps = ['BEGIN', 'SET ROLE a']
    for (let n = 0; n < 20_000; n++) steps.push('SAVEPOINT s', `SET ROLE r${n % 100}`, 'RELEASE s')
    const before = heapBytes()
    const changes = after(steps)
    expect(heapBytes() - before).toBeLessThan(2 ** 20)
    expect(changes.left(false)).toEqual([])
  })

  it('is nothing for the next owner', () => {
    const changes = new SessionChanges()
    changes.sending('SET ROLE a', undefined, true)
    changes.answered({ text: 'SET ROLE a', command: 'SET', rows: [] }, 'I')
    expect(changes.touched).toBe(true)
    changes.begin()
    expect(changes.touched).toBe(false)
    expect(changes.left(false)).toEqual([])
  })

  it('costs no memory for statements that change nothing', () => {
    const changes = new SessionChanges()
    changes.sending('SELECT 1', undefined, true)
    changes.sending('SET LOCAL search_path TO app', undefined, true)
    expect(changes.touched).toBe(false)
  })
})
