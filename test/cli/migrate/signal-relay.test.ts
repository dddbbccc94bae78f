import { describe, expect, it } from 'vitest'
import { signalRelay } from '../../../src/cli/migrate/signal-relay.ts'
import { migrate, useDatasets } from './migrations.ts'

const db = useDatasets()

describe('a signal to migrate', () => {
  it('leaves it to the command what it makes of a signal', async () => {
    const script = 'trap "echo stopping; kill \\$!; exit 7" TERM; sleep 600 & echo ready; wait'
    const run = migrate(db, [], ['sh', '-c', script])
    await run.printed('ready')
    run.process.kill('SIGTERM')
    expect((await run.ended).code).toBe(7)
    expect(run.out()).toBe('ready\nstopping\n')
  })
})

describe('the signal relay', () => {
  it('keeps the first signal, passes each on to the child, and leaves nothing behind', () => {
    const before = process.listenerCount('SIGTERM')
    const passed: string[] = []
    {
      using relay = signalRelay()
      expect(relay.first).toBeUndefined()
      process.emit('SIGHUP', 'SIGHUP')
      relay.passTo((name) => passed.push(name))
      process.emit('SIGTERM', 'SIGTERM')
      relay.passTo(undefined)
      process.emit('SIGTERM', 'SIGTERM')
      expect(relay.first).toBe('SIGHUP')
      expect(relay.signal.aborted).toBe(true)
    }
    expect(passed).toEqual(['SIGTERM'])
    expect(process.listenerCount('SIGTERM')).toBe(before)
  })
})
