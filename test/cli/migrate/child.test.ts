import { describe, expect, it } from 'vitest'
import { codeOfSignal, startChild } from '../../../src/cli/migrate/child.ts'

const node = (script: string) => startChild([process.execPath, '-e', script], process.env)

describe('a child', () => {
  it('ends with its own exit code', async () => {
    const child = node('process.exit(42)')
    expect(child.pid).toBeGreaterThan(0)
    expect(child.signal.aborted).toBe(false)
    expect(await child.ended).toEqual({ code: 42 })
    expect(child.signal.aborted).toBe(true)
  })

  it('ends with 128 and the number of the signal that ended it', async () => {
    const child = node('setInterval(() => {}, 1000)')
    child.kill('SIGTERM')
    expect(await child.ended).toEqual({ code: 143, signal: 'SIGTERM' })
    expect(codeOfSignal('SIGINT')).toBe(130)
  })

  it('is 127 if the command is not found, and 126 if it cannot be started', async () => {
    const missing = startChild(['no-such-tool'], process.env)
    expect(await missing.ended).toEqual({ code: 127, failure: 'no-such-tool: command not found' })
    const below = `${process.execPath}/tool`
    expect(await startChild([below], process.env).ended).toEqual({
      code: 126,
      failure: `${below} could not be started: spawn ENOTDIR`,
    })
  })

  it('has the environment that it is given, and no other', async () => {
    const check = 'process.exit(process.env.PGAPPNAME === "x" && process.env.HOME === undefined ? 0 : 1)'
    const child = startChild([process.execPath, '-e', check], { PGAPPNAME: 'x' })
    expect(await child.ended).toEqual({ code: 0 })
  })
})
