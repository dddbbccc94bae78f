import { describe, expect, it } from 'vitest'
import type { RequestEvidence } from '../../src/access/local-request.ts'
import { readerCheck } from '../../src/access/reader.ts'

const request = (authorization?: string, more: Record<string, string> = {}): RequestEvidence => ({
  url: '/',
  httpVersion: '1.1',
  headers: { host: 'localhost:3000', ...(authorization === undefined ? {} : { authorization }), ...more },
  socket: { remoteAddress: '127.0.0.1' },
})
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('a reader without a token', () => {
  const check = readerCheck({ token: undefined })

  it('may read as a program on this machine', () => {
    expect(check(request())).toBeUndefined()
  })

  it.each(['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])(
    'may not if a proxy has added the header %s',
    (name) => {
      expect(check(request(undefined, { [name]: '127.0.0.1' }))).toMatchObject({ status: 403 })
    },
  )

  it('may not under a name that is not of this machine', () => {
    expect(check(request(undefined, { host: 'evil.example:3000' }))).toMatchObject({
      status: 403,
      error: expect.stringContaining('its Host is not a name of this machine'),
    })
  })
})

describe('a reader with a token', () => {
  it('sends it as Bearer', () => {
    const check = readerCheck({ token: 'secret' })
    expect(check(request('Bearer secret'))).toBeUndefined()
    expect(check(request('Bearer other'))).toMatchObject({ status: 401 })
    expect(check(request())).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="pg-lifeguard"' },
    })
    expect(check(request(basic('me:secret')))).toMatchObject({ status: 401 })
  })

  it('may come through a proxy', () => {
    const check = readerCheck({ token: 'secret' })
    expect(check(request('Bearer secret', { 'x-forwarded-for': '203.0.113.9' }))).toBeUndefined()
  })

  it('sends it from a browser as the password', () => {
    const check = readerCheck({ token: 'se:cret', forBrowsers: true })
    expect(check(request(basic('anyone:se:cret')))).toBeUndefined()
    expect(check(request('Bearer se:cret'))).toBeUndefined()
    for (const wrong of [basic('se:cret'), basic('anyone:'), basic('nocolon'), 'Basic ', 'Basic !']) {
      expect(check(request(wrong)), wrong).toMatchObject({ status: 401 })
    }
    expect(check(request())?.headers['www-authenticate']).toMatch(/^Basic /)
  })
})
