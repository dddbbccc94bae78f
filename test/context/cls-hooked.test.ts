import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import type { Namespace } from 'cls-hooked'
import { beforeEach, describe, expect, it } from 'vitest'
import { clsHookedContext } from '../../src/context/cls-hooked.ts'
import { createLifeguard, OptionError } from '../../src/index.ts'
import { clsNamespace } from '../support/cls-namespace.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { contextContract } from './contract.ts'

const db = useDatabase()
const request = { kind: 'request', name: 'GET /x', id: '7' }
const graceAndSweep = 1_250
let namespace: Namespace

beforeEach(() => {
  namespace = clsNamespace('requests')
})

describe('a namespace', () => {
  contextContract(() => clsHookedContext(namespace))

  it('has no value outside of any run of its own', () => {
    const context = clsHookedContext(namespace)
    expect(context.current()).toBeUndefined()
    namespace.run(() => expect(context.current()).toBeUndefined())
  })

  it('keeps what the application has put into it, and carries our value through its own run and bind', async () => {
    const context = clsHookedContext(namespace)
    await namespace.runAndReturn(async () => {
      namespace.set('user', 'ada')
      await context.run('scope', async () => {
        await turn()
        expect(namespace.get('user')).toBe('ada')
        namespace.run(() => expect(context.current()).toBe('scope'))
        const bound = namespace.bind(() => context.current())
        expect(context.run(undefined, bound)).toBe('scope')
      })
      expect(context.current()).toBeUndefined()
      expect(namespace.get('user')).toBe('ada')
    })
  })

  it.each<[unknown, string]>([
    [undefined, 'got undefined'],
    [null, 'got null'],
    ['requests', 'got "requests"'],
    [{}, 'with a method get, got an object'],
    [{ get() {} }, 'with a method set, got an object'],
    [{ get() {}, set() {} }, 'with a method runAndReturn, got an object'],
    [new AsyncLocalStorage(), 'with a method get, got a AsyncLocalStorage'],
  ])('is nothing else: %o', (value, message) => {
    expect(() => clsHookedContext(value as never)).toThrow(OptionError)
    expect(() => clsHookedContext(value as never)).toThrow(message)
  })
})

describe('a lifeguard with a namespace', () => {
  const guarded = (max = 1) => guardedPool({ ...db.config, max }, { context: clsHookedContext(namespace) })

  it('finds what outlives its scope, and names it', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    await lifeguard.runInScope(request, async () => {
      await turn()
      const client = await pool.connect()
      await client.query('SELECT 1')
      await turn()
      expect(lifeguard.currentScope()?.sessions()).toHaveLength(1)
    })
    clock.advance(graceAndSweep)
    expect(findings).toMatchObject([{ kind: 'outlived-scope', scope: request }])
  })

  it('gives a queued caller its own scope and context, by promise and by callback', async () => {
    const { pool, lifeguard } = guarded()
    const currentId = () => lifeguard.currentScope()?.describe().id
    const first = lifeguard.openScope({ ...request, id: 'first' })
    const held = await first.run(() => pool.connect())
    const ids: (string | undefined)[] = []
    const scope = (id: string) => lifeguard.openScope({ ...request, id })
    const byPromise = scope('promise').run(async () => {
      namespace.set('user', 'ada')
      const client = await pool.connect()
      ids.push(currentId(), lifeguard.snapshot().checkouts[0]?.scope?.id, namespace.get('user'))
      client.release()
    })
    const byCallback = scope('callback').run(
      () =>
        new Promise<void>((resolve, reject) => {
          namespace.set('user', 'bob')
          pool.connect((error, _client, done) => {
            if (error) return reject(error)
            ids.push(currentId(), lifeguard.snapshot().checkouts[0]?.scope?.id, namespace.get('user'))
            done()
            resolve()
          })
        }),
    )
    first.run(() => held.release())
    await Promise.all([byPromise, byCallback])
    expect(ids).toEqual(['promise', 'promise', 'ada', 'callback', 'callback', 'bob'])
  })

  it('detaches work from its scope, and from nothing else', async () => {
    const { lifeguard } = guarded()
    await namespace.runAndReturn(async () => {
      namespace.set('user', 'ada')
      await lifeguard.runInScope(request, () =>
        lifeguard.detach(async () => {
          await turn()
          expect(lifeguard.currentScope()).toBeUndefined()
          expect(namespace.get('user')).toBe('ada')
        }),
      )
    })
  })

  it('can be a namespace that nothing has run in yet', () => {
    const lifeguard = createLifeguard({ reporters: [], context: clsHookedContext(namespace) })
    expect(lifeguard.currentScope()).toBeUndefined()
    expect(lifeguard.detach(() => 7)).toBe(7)
  })
})
