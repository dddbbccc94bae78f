import { expect, it } from 'vitest'
import { removeOwn } from '../../src/client/remove-own.ts'
import { isFast } from '../support/fast-object.ts'

class Client {
  readonly host = 'localhost'
  query(): string {
    return 'rows'
  }
}

it('leaves each of many objects as fast as it was, where a mere delete leaves it slow', () => {
  const clients = Array.from({ length: 50 }, (_, index) =>
    Object.assign(new Client(), { query: () => `other ${index}`, [`of${index}`]: index }),
  )
  for (const client of clients) Reflect.deleteProperty(client, 'query')
  expect(clients.some(isFast)).toBe(false)

  for (const client of clients) {
    Object.assign(client, { query: () => 'other' })
    removeOwn(client, 'query')
  }
  expect(clients.every(isFast)).toBe(true)
  expect(clients.map((client) => client.query())).toEqual(clients.map(() => 'rows'))
  expect(Object.keys(clients[7] ?? {})).toEqual(['host', 'of7'])
})

it('asks a proxy for nothing but the removal', () => {
  const asked: string[] = []
  const target = Object.assign(new Client(), { query: () => 'other' })
  const trap = (name: keyof ProxyHandler<Client>) => (given: Client, property: string | symbol) => {
    asked.push(`${name} ${String(property)}`)
    return Reflect[name as 'deleteProperty'](given, property)
  }
  removeOwn(new Proxy(target, { get: trap('get'), deleteProperty: trap('deleteProperty') }), 'query')
  expect(asked).toEqual(['deleteProperty query'])
  expect(target.query()).toBe('rows')
})

it('reads nothing from the object and its prototypes', () => {
  const read: string[] = []
  const get = (name: string) => () => void read.push(name)
  const spy = new Proxy({}, { get: (_target, name) => get(String(name))() })
  const client = Object.create(spy, {
    constructor: { get: get('constructor') },
    own: { get: get('own') },
    query: { value: () => 'other', configurable: true },
  }) as object
  removeOwn(client, 'query')
  expect(Object.getOwnPropertyNames(client)).toEqual(['constructor', 'own'])
  expect(read).toEqual([])
})

it('removes nothing from an object that has no prototype, or does not have the property', () => {
  const bare = Object.assign(Object.create(null) as object, { host: 'localhost' })
  removeOwn(bare, 'port')
  expect(Object.keys(bare)).toEqual(['host'])
})
