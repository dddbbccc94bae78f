import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { lifeguardMiddleware } from '../../src/http/express.ts'
import { withRequestScope } from '../../src/http/node.ts'
import type { RequestLike, ResponseLike } from '../../src/http/request-scope.ts'
import { type CurrentScope, createLifeguard, type ScopeContext } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { collectGarbage } from '../support/garbage.ts'

const lifeguard = createLifeguard({ reporters: [] })
const scopeName = () => lifeguard.currentScope()?.describe().name
const emitter = () => Object.assign(new EventEmitter(), { method: 'GET', url: '/orders', headers: {} })
const inScope = <Result>(handle: () => Result, of = lifeguard) =>
  withRequestScope(of, (_request: RequestLike, _response: ResponseLike) => handle())
const serve = inScope(scopeName)

it('has a scope if it is frozen, as its response may be', () => {
  expect(serve(Object.freeze(emitter()), new EventEmitter())).toBe('GET /orders')
  const plain = Object.freeze({ method: 'GET', url: '/plain', headers: {} })
  expect(serve(plain, Object.freeze({ on() {} }))).toBe('GET /plain')
})

it('has one scope behind a proxy that wraps each object', () => {
  const request: ReturnType<typeof emitter> & { route?: object } = emitter()
  let inside: unknown[] = []
  const proxy = new Proxy(request, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      return typeof value === 'object' && value !== null ? new Proxy(value, {}) : value
    },
  })
  const response = new EventEmitter()
  const middleware = lifeguardMiddleware(lifeguard)
  inScope(() => {
    const outside = lifeguard.currentScope()
    middleware(proxy, response, () => {
      inside = [outside?.describe(), lifeguard.currentScope()?.describe()]
    })
  })(request, response)
  proxy.route = { path: '/orders' }
  middleware(proxy, response, () => {})
  expect(inside).toEqual([
    { kind: 'request', name: 'GET /orders' },
    { kind: 'request', name: 'GET /orders' },
  ])
})

it('stays out of the memory of its scope if it comes to another integration after its answer', async () => {
  let scope: CurrentScope | undefined
  const answer = () => {
    const request = emitter()
    const response = Object.assign(new EventEmitter(), { writableFinished: true })
    inScope(() => {
      scope = lifeguard.currentScope()
    })(request, response)
    response.emit('close')
    lifeguardMiddleware(lifeguard)(request, response, () => {})
    return new WeakRef(request)
  }
  const request = answer()
  await eventually(() => {
    collectGarbage()
    expect(request.deref() === undefined).toBe(true)
  })
  expect(scope?.describe()).toEqual({ kind: 'request', name: 'GET /orders', ending: 'answered' })
})

it('hears its events in the scope, whatever its own count of listeners says', () => {
  const request = Object.assign(emitter(), {
    listenerCount(): number {
      throw new Error('asked by nobody but the application')
    },
  })
  serve(request, new EventEmitter())
  const heard: unknown[] = []
  expect(request.emit('data')).toBe(false)
  request.on('data', () => heard.push(scopeName()))
  expect(request.emit('data')).toBe(true)
  expect(heard).toEqual(['GET /orders'])
})

it('emits without the other methods of an emitter', () => {
  const { on, emit } = EventEmitter.prototype
  const request = { method: 'GET', url: '/orders', headers: {}, on, emit }
  serve(request, new EventEmitter())
  expect(request.emit('data')).toBe(false)
})

it('enters the scope for an event only if it has a listener', () => {
  let runs = 0
  const context: ScopeContext = {
    current: () => undefined,
    run(_scope, work) {
      runs += 1
      return work()
    },
  }
  const request = emitter()
  inScope(() => {}, createLifeguard({ reporters: [], context }))(request, new EventEmitter())
  const before = runs
  request.emit('data')
  expect(runs).toBe(before)
  request.once('data', () => {})
  request.emit('data')
  expect(runs).toBe(before + 1)
})

/** Loading `node:domain` replaces it for good. */
let replacedByDomain: typeof EventEmitter.prototype.emit | undefined

describe.each([
  ['after the package', false],
  ['before the package', true],
])('where the emit of all emitters has been replaced %s', (_when, isBefore) => {
  const { emit } = EventEmitter.prototype
  const heard: unknown[] = []
  let serveHere = serve

  async function replace(replacement: () => void): Promise<void> {
    replacement()
    if (!isBefore) return
    vi.resetModules()
    const other = await import('../../src/http/node.ts')
    serveHere = other.withRequestScope(lifeguard, scopeName) as unknown as typeof serve
  }
  afterEach(() => {
    EventEmitter.prototype.emit = emit
    serveHere = serve
    heard.length = 0
  })

  it('hears in the scope what a tracer does without a listener', async () => {
    await replace(() => {
      EventEmitter.prototype.emit = function (this: EventEmitter, ...args) {
        if (args[0] === 'finish') heard.push(scopeName())
        return Reflect.apply(emit, this, args)
      }
    })
    const response = new EventEmitter()
    serveHere(emitter(), response)
    response.emit('finish')
    expect(heard).toEqual(['GET /orders'])
  })

  it('tells a domain of an error in the scope, and throws it without one', async () => {
    const bare = emitter()
    serve(bare, new EventEmitter())
    expect(() => bare.emit('error', new Error('lost'))).toThrow('lost')

    const { create } = await import('node:domain')
    replacedByDomain ??= EventEmitter.prototype.emit
    const ofDomain = replacedByDomain
    await replace(() => {
      EventEmitter.prototype.emit = ofDomain
    })
    const request = emitter()
    create()
      .on('error', ({ message }) => heard.push(`${message} in ${scopeName()}`))
      .add(request)
    serveHere(request, new EventEmitter())
    request.emit('error', new Error('lost'))
    expect(heard).toEqual(['lost in GET /orders'])
  })
})
