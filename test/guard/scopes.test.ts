import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest'
import { createLifeguard, manualClock, OptionError, type ScopeOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const request: ScopeOptions = { kind: 'request', name: 'GET /x' }
const lifeguard = createLifeguard({ clock: manualClock(), reporters: [] })
const currentName = () => lifeguard.currentScope()?.describe().name

describe('runInScope', () => {
  /** The scope that the work ran in, as it is told when the work is over. */
  let scope: ReturnType<typeof lifeguard.currentScope>
  const inside = () => {
    scope = lifeguard.currentScope()
    return scope?.describe()
  }

  it('runs the work in a scope, and ends it when the work returns', () => {
    const result = {}
    const returned = lifeguard.runInScope(request, () => {
      expect(inside()).toEqual(request)
      return result
    })
    expect(returned).toBe(result)
    expect(scope?.describe().ending).toBe('returned')
    expect(lifeguard.currentScope()).toBeUndefined()
  })

  it('ends it when the work throws', () => {
    const error = new Error('no')
    expect(() =>
      lifeguard.runInScope(request, () => {
        inside()
        throw error
      }),
    ).toThrow(error)
    expect(scope?.describe().ending).toBe('threw')
  })

  it('ends it when the promise of the work resolves, and not before', async () => {
    const result = lifeguard.runInScope(request, async () => {
      inside()
      await turn()
      expect(inside()).toEqual(request)
      return 42
    })
    expect(scope?.describe()).not.toHaveProperty('ending')
    expectTypeOf(result).toEqualTypeOf<Promise<number>>()
    expect(await result).toBe(42)
    expect(scope?.describe().ending).toBe('returned')
  })

  it('ends it when the promise of the work rejects', async () => {
    const error = new Error('no')
    const result = lifeguard.runInScope(request, async () => {
      inside()
      await turn()
      throw error
    })
    await expect(result).rejects.toBe(error)
    expect(scope?.describe().ending).toBe('threw')
  })

  it('leaves a rejection that nobody handles unhandled, as without a scope', async () => {
    const unhandled: unknown[] = []
    const before = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', (reason) => unhandled.push(reason))
    onTestFinished(() => {
      process.removeAllListeners('unhandledRejection')
      for (const listener of before) process.on('unhandledRejection', listener)
    })
    const handled = lifeguard.runInScope(request, async () => {
      throw new Error('handled')
    })
    await expect(handled).rejects.toThrow('handled')
    const error = new Error('not handled')
    void lifeguard.runInScope(request, async () => {
      throw error
    })
    await turn()
    await turn()
    expect(unhandled).toEqual([error])
  })

  it('starts a lazy query, as query builders return it, once and inside the scope', async () => {
    const started: (string | undefined)[] = []
    const lazy: PromiseLike<number> = {
      // biome-ignore lint/suspicious/noThenProperty: this is what they are
      then(resolve, reject) {
        started.push(currentName())
        return Promise.resolve(7).then(resolve, reject)
      },
    }
    expect(await lifeguard.runInScope(request, () => lazy)).toBe(7)
    expect(started).toEqual(['GET /x'])
  })

  it('nests', async () => {
    await lifeguard.runInScope(request, async () => {
      await lifeguard.runInScope({ kind: 'job', name: 'mail' }, async () => {
        await turn()
        expect(currentName()).toBe('mail')
      })
      expect(currentName()).toBe('GET /x')
    })
  })

  it.each<[unknown, string]>([
    [undefined, 'scope must be an object, got undefined'],
    [null, 'scope must be an object, got null'],
    ['nightly', 'scope must be an object, got "nightly"'],
    [[], 'scope must be an object, got an array of 0'],
    [{ name: 'x' }, 'scope.kind must be a string that is not empty, got undefined'],
    [{ kind: '', name: 'x' }, 'scope.kind must be a string that is not empty, got ""'],
    [{ kind: 7, name: 'x' }, 'scope.kind must be a string that is not empty, got 7'],
    [{ kind: 'job' }, 'scope.name must be a string or a function that returns one, got undefined'],
    [{ kind: 'job', name: '' }, 'scope.name must be a string or a function that returns one, got ""'],
    [{ kind: 'job', name: 7 }, 'scope.name must be a string or a function that returns one, got 7'],
    [{ kind: 'job', name: 'x', id: 7 }, 'scope.id must be a string or a function that returns one, got 7'],
    [{ kind: 'job', name: 'x', traceparent: [] }, 'scope.traceparent must be a string, got an array of 0'],
    [{ kind: 'job', name: 'x', attributes: 'a' }, 'scope.attributes must be an object, got "a"'],
    [
      { kind: 'job', name: 'x', attributes: { user: { id: 1 } } },
      'scope.attributes.user must be a string, a number, true or false, got an object',
    ],
    [
      { kind: 'job', name: 'x', title: 'y' },
      'unknown option scope.title; known are kind, name, id, attributes, traceparent (got "y")',
    ],
  ])('refuses %o', (options, message) => {
    const work = vi.fn()
    const attempts = [
      () => lifeguard.runInScope(options as ScopeOptions, work),
      () => lifeguard.openScope(options as ScopeOptions),
    ]
    for (const attempt of attempts) {
      expect(attempt).toThrow(OptionError)
      expect(attempt).toThrow(message)
    }
    expect(work).not.toHaveBeenCalled()
  })

  it('refuses work that is no function', () => {
    const work = Promise.resolve() as never
    expect(() => lifeguard.runInScope(request, work)).toThrow(
      'runInScope(scope, work) must be a function, got a Promise',
    )
    expect(() => lifeguard.detach(work)).toThrow('detach(work) must be a function, got a Promise')
  })

  it('is not misled by options that change later', () => {
    const options = { kind: 'job', name: 'mail', attributes: { to: 'ada' } }
    const opened = lifeguard.openScope(options)
    options.name = 'nightly'
    options.attributes.to = 'bob'
    expect(opened.describe()).toEqual({ kind: 'job', name: 'mail', attributes: { to: 'ada' } })
  })
})

describe('openScope', () => {
  it('is ended by hand, by the first who does', () => {
    const scope = lifeguard.openScope(request)
    expect(scope.run(() => currentName())).toBe('GET /x')
    scope.end('the client aborted')
    scope.end()
    expect(scope.describe().ending).toBe('the client aborted')
    // What goes on is still its work.
    expect(scope.run(() => currentName())).toBe('GET /x')
    const other = lifeguard.openScope(request)
    other.end()
    expect(other.describe().ending).toBe('ended')
  })

  it('asks for a name that is a function only when somebody looks', async () => {
    const { pool, lifeguard, clock, findings } = guardedPool({ ...db.config, max: 1 })
    const name = vi.fn(() => 'GET /datasets/:id')
    await lifeguard.runInScope({ kind: 'request', name }, () => pool.connect())
    clock.advance(900)
    expect(name).not.toHaveBeenCalled()
    clock.advance(350)
    expect(findings).toMatchObject([{ scope: { name: 'GET /datasets/:id' } }])
  })
})

describe('a scope', () => {
  it('tells which sessions it holds or waits for, with those of the scopes inside it', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 2 })
    const outside = await pool.connect()
    const scope = lifeguard.openScope(request)
    let line = 0
    await scope.run(async () => {
      line = hereLine(1)
      const client = await pool.connect()
      const waiting = lifeguard.openScope({ kind: 'job', name: 'mail' }).run(() => pool.connect())
      const sessions = lifeguard.currentScope()?.sessions()
      expect(sessions).toMatchObject([
        { pool: 'main', phase: 'out', origin: { line }, scope: request },
        { pool: 'main', phase: 'waiting', scope: { kind: 'job', name: 'mail' } },
      ])
      expect(Object.isFrozen(sessions)).toBe(true)
      expect(JSON.parse(JSON.stringify(sessions))).toEqual(sessions)
      outside.release()
      ;(await waiting).release()
      client.release()
      expect(lifeguard.currentScope()?.sessions()).toEqual([])
    })
  })

  it('is in the snapshot, with those who hold clients and those who wait', async () => {
    const { pool, lifeguard, clock, found } = guardedPool({ ...db.config, max: 1 })
    const held = await lifeguard.openScope({ ...request, id: '1' }).run(() => pool.connect())
    const waiting = lifeguard.openScope({ ...request, id: '2' }).run(() => pool.connect())
    const other = pool.connect()
    const { checkouts } = lifeguard.snapshot()
    expect(checkouts.map(({ phase, scope }) => [phase, scope?.id])).toEqual([
      ['out', '1'],
      ['waiting', '2'],
      ['waiting', undefined],
    ])
    clock.advance(5_300)
    expect((await found('pool-exhausted')).holders).toMatchObject([{ scope: { ...request, id: '1' } }])
    held.release()
    ;(await waiting).release()
    ;(await other).release()
  })

  it('is named by the error of a caller whose pool has no client for it', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const held = await lifeguard.openScope({ ...request, id: '1' }).run(() => pool.connect())
    pool.options.connectionTimeoutMillis = 50
    const error = await pool.connect().catch((reason) => reason)
    expect(error.holders).toMatchObject([{ scope: { ...request, id: '1' } }])
    expect(error.cause.message).toContain('request GET /x (id 1)')
    held.release()
  })
})
