import domain from 'node:domain'
import { EventEmitter } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { lifeguardMiddleware } from '../../src/http/express.ts'
import { withRequestScope } from '../../src/http/node.ts'
import type { RequestLike, ResponseLike } from '../../src/http/request-scope.ts'
import { type CurrentScope, createLifeguard } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { collectGarbage } from '../support/garbage.ts'

const lifeguard = createLifeguard({ reporters: [] })
const scopeName = () => lifeguard.currentScope()?.describe().name
const emitter = () => Object.assign(new EventEmitter(), { method: 'GET', url: '/orders', headers: {} })
const inScope = <Result>(handle: () => Result) =>
  withRequestScope(lifeguard, (_request: RequestLike, _response: ResponseLike) => handle())
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

it('tells a domain of its errors in the scope, and throws them without one', () => {
  const heard: unknown[] = []
  const request = emitter()
  serve(request, new EventEmitter())
  expect(() => request.emit('error', new Error('lost'))).toThrow('lost')
  const around = domain.create().on('error', ({ message }) => heard.push(`${message} in ${scopeName()}`))
  // Once loaded, a domain catches what each emitter emits.
  const inDomain = emitter()
  around.add(inDomain)
  serve(inDomain, new EventEmitter())
  inDomain.emit('error', new Error('lost'))
  expect(heard).toEqual(['lost in GET /orders'])
})

it('emits in the scope what a replaced emit of all emitters hears without a listener', () => {
  const heard: unknown[] = []
  const { emit } = EventEmitter.prototype
  onTestFinished(() => {
    EventEmitter.prototype.emit = emit
  })
  EventEmitter.prototype.emit = function (this: EventEmitter, ...args) {
    if (args[0] === 'finish') heard.push(scopeName())
    return Reflect.apply(emit, this, args)
  }
  const response = new EventEmitter()
  serve(emitter(), response)
  response.emit('finish')
  expect(heard).toEqual(['GET /orders'])
})
