import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Lifeguard,
  OptionError,
  type ScopeData,
  withJobScope,
} from '../../src/index.ts'

function openLifeguard(): Lifeguard {
  const lifeguard = createLifeguard({ reporters: [] })
  onTestFinished(() => lifeguard.close())
  return lifeguard
}

const scopeOf = (lifeguard: Lifeguard): ScopeData | undefined => lifeguard.currentScope()?.describe()

/** What graphile-worker passes after the payload. */
const helpers = { job: { id: '7', task_identifier: 'send-mail', attempts: 1 } }

describe('a job under withJobScope', () => {
  it('has the name and the id that graphile-worker gives it, whatever its payload', () => {
    const lifeguard = openLifeguard()
    const task = withJobScope(lifeguard, (_payload: unknown, _helpers: unknown) => scopeOf(lifeguard))
    for (const payload of [
      { id: 'x', name: 'Alice' },
      [{ id: 'x', name: 'Alice', expireInSeconds: 1 }],
      null,
    ]) {
      expect(task(payload, helpers)).toEqual({ kind: 'job', name: 'send-mail', id: '7' })
    }
  })

  it('has the name of its queue, and the id of the first of a batch, as pg-boss passes them', () => {
    const lifeguard = openLifeguard()
    const work = withJobScope(lifeguard, async (_jobs: readonly object[]) => scopeOf(lifeguard))
    const job = { id: 'a', name: 'resize', data: {}, expireInSeconds: 900 }
    return Promise.all([
      expect(work([job])).resolves.toEqual({ kind: 'job', name: 'resize', id: 'a' }),
      expect(work([job, { ...job, id: 'b' }])).resolves.toMatchObject({ id: 'a and 1 more' }),
    ])
  })

  it('has the name of its handler in another queue, and nothing of what it is given', () => {
    const lifeguard = openLifeguard()
    const nightly = (_payload: object) => scopeOf(lifeguard)
    const person = { id: '1', name: 'Alice' }
    expect(withJobScope(lifeguard, nightly)(person)).toEqual({ kind: 'job', name: 'nightly' })
    const { weekly } = withJobScope(lifeguard, { weekly: nightly })
    expect(weekly(person)).toEqual({ kind: 'job', name: 'weekly' })
    expect(
      withJobScope(
        lifeguard,
        (
          () => (_: unknown) =>
            scopeOf(lifeguard)
        )(),
      )([]),
    ).toMatchObject({ name: 'job' })
  })

  it('passes this, arguments, results and errors on, and looks like its handler', async () => {
    const lifeguard = openLifeguard()
    const failure = new Error('no such address')
    const queue = {
      sent: 0,
      send: withJobScope(lifeguard, async function send(this: { sent: number }, count: number) {
        if (count === 0) throw failure
        this.sent += count
        return this.sent
      }),
    }
    expect(await queue.send(2)).toBe(2)
    await expect(queue.send(0)).rejects.toBe(failure)
    expect([queue.send.name, queue.send.length]).toEqual(['send', 1])
    expect(() =>
      withJobScope(lifeguard, () => {
        throw failure
      })(),
    ).toThrow(failure)
  })

  it('is a scope of its own beside others, inside that of whoever runs the queue', async () => {
    const lifeguard = openLifeguard()
    const seen: unknown[] = []
    const task = withJobScope(lifeguard, async (_payload: unknown, given: { job: { id: string } }) => {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push([given.job.id, scopeOf(lifeguard)?.id])
    })
    await lifeguard.runInScope({ kind: 'request', name: 'POST /run' }, async () => {
      const ids = ['1', '2', '3']
      await Promise.all(ids.map((id) => task({}, { job: { ...helpers.job, id } })))
      expect(scopeOf(lifeguard)).toMatchObject({ kind: 'request' })
    })
    expect(seen).toEqual([
      ['1', '1'],
      ['2', '2'],
      ['3', '3'],
    ])
  })
})

it('withJobScope refuses what is no lifeguard and no handler', () => {
  const lifeguard = openLifeguard()
  const wrong: (() => unknown)[] = [
    () => withJobScope(undefined as never, () => {}),
    () => withJobScope({} as never, () => {}),
    () => withJobScope(lifeguard, null as never),
    () => withJobScope(lifeguard, 'send-mail' as never),
    () => withJobScope(lifeguard, { send: './send.js' }),
  ]
  for (const attempt of wrong) expect(attempt).toThrow(OptionError)
  expect(() => withJobScope(lifeguard, { send: './send.js' })).toThrow(/\{ send \}\) must be a function/)
})
