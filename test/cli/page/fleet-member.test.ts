import { describe, expect, it, onTestFinished } from 'vitest'
import { FleetMember } from '../../../src/cli/page/fleet-member.ts'
import { lifeguardHandler } from '../../../src/http/node.ts'
import { createLifeguard } from '../../../src/index.ts'
import type { PageItems } from '../../../src/page/view/items.ts'
import { listen } from '../../page/visitor.ts'
import { eventually } from '../../support/eventually.ts'

function memberOf(url: string, isFleet = false) {
  const member = new FleetMember(url, { token: undefined, isFleet })
  onTestFinished(() => member.close())
  const look = () => {
    const items: PageItems = new Map()
    member.addTo(items)
    return items
  }
  return { member, look, app: () => look().get('apps')?.get(member.name) }
}

describe('a service on the page', () => {
  it('is named by its host, and by its path if that is unusual', () => {
    expect(memberOf('http://127.0.0.1:3000/lifeguard').member.name).toBe('127.0.0.1:3000')
    expect(memberOf('http://127.0.0.1:3000/a/lifeguard/').member.name).toBe('127.0.0.1:3000/a/lifeguard')
    expect(memberOf('http://user:secret@127.0.0.1:3000').member.name).toBe('127.0.0.1:3000')
  })

  it('is shown without a recording if it has none', async () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const port = await listen(lifeguardHandler(lifeguard))
    const { app } = memberOf(`http://127.0.0.1:${port}/lifeguard`)
    await eventually(() => expect(app()).toMatchObject({ withoutTimeline: true }))
  })

  it('says why there is no data: nobody, no lifeguard, a token', async () => {
    const other = await listen((_request, response) => response.end('{"service":"another"}'))
    const guarded = await listen(lifeguardHandler(createLifeguard({ reporters: [] }), { token: 'x' }))
    for (const [port, reason] of [
      [9, 'ECONNREFUSED'],
      [other, 'there is no lifeguard here'],
      [guarded, '--app-token'],
    ] as const) {
      const { app } = memberOf(`http://127.0.0.1:${port}/lifeguard`)
      await eventually(() => expect(app()).toMatchObject({ lost: expect.stringContaining(reason) }))
    }
  })
})
