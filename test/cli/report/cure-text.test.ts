import { describe, expect, it } from 'vitest'
import { cureLines, pasteable, preparedCureLines } from '../../../src/cli/report/cure-text.ts'
import { terminateCommand } from '../../../src/cli/self.ts'
import { plain } from '../../../src/text/style.ts'

const options = { style: plain, columns: 60 }

describe('what ends a blocker', () => {
  it('is its statement while it runs one, else the session', () => {
    expect(cureLines({ pid: 1, state: 'active' }, '', options)).toEqual([
      'to cancel its statement:',
      '  pg-lifeguard terminate --pid 1 --cancel',
    ])
    expect(cureLines({ pid: 1, state: 'idle in transaction' }, '', options)).toEqual([
      'to end it: pg-lifeguard terminate --pid 1',
    ])
  })

  it('is nothing for a process of the server', () => {
    expect(cureLines({ pid: 1, backendType: 'startup' }, '', options)).toEqual([])
  })

  it('is never broken over lines, for it is pasted', () => {
    const terminate = terminateCommand('npx pg-lifeguard', `postgres://app@${'x'.repeat(60)}/shop`)
    expect(pasteable('to end it:', '--pid 1', '  ', { ...options, terminate })).toEqual([
      '  to end it:',
      `    npx pg-lifeguard terminate --pid 1 --url postgres://app@${'x'.repeat(60)}/shop`,
    ])
  })

  it('is unknown for a prepared transaction that could not be identified', () => {
    expect(preparedCureLines({ gid: '?' }, '', options)).toEqual([])
  })
})
