import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../../src/index.ts'
import { pageHandler } from '../../../src/page/index.ts'
import { useDatabase } from '../../support/database.ts'
import { browserPath, useBrowser } from './browser.ts'

const db = useDatabase()
const attack = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'

async function serve(handler: ReturnType<typeof pageHandler>): Promise<{ url: string; server: http.Server }> {
  const server = http.createServer((request, response) => handler(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/page`, server }
}

describe.skipIf(browserPath === undefined)('the page', () => {
  const browser = useBrowser()

  it('shows hostile names and statements as text', async () => {
    const lifeguard = createLifeguard({ reporters: [], limits: { holdMillis: 1 } })
    const pool = new pg.Pool({ ...db.config, application_name: attack })
    onTestFinished(async () => {
      await lifeguard.close()
      await pool.end()
    })
    lifeguard.watch(pool, { name: attack })
    const { url } = await serve(pageHandler(lifeguard, { title: attack, database: db.url }))
    await lifeguard.runInScope({ kind: 'request', name: attack, id: attack }, async () => {
      const client = await pool.connect()
      await client.query(`BEGIN; SELECT 'x' AS "${attack.replaceAll('"', '""')}"`)
      const { page, complaints } = await browser.open(url)
      await expect.poll(() => page.locator('h1').textContent()).toBe(attack)
      await expect.poll(() => page.locator('.finding').count()).toBeGreaterThan(0)
      await page.keyboard.press('j')
      await expect.poll(() => page.locator('.details').textContent()).toContain('onerror')
      await expect.poll(() => page.locator('.pool').first().textContent()).toContain(attack)
      expect(await page.evaluate(() => Reflect.get(globalThis, 'hacked'))).toBeUndefined()
      expect(await page.locator('main img, main script, header img').count()).toBe(0)
      expect(complaints).toEqual([])
      await client.query('ROLLBACK')
      client.release()
    })
  })

  it('connects again when the service is back, and can be paused, filtered and linked', async () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const pool = new pg.Pool(db.config)
    onTestFinished(async () => {
      await lifeguard.close()
      await pool.end()
    })
    lifeguard.watch(pool, { name: 'main' })
    const handler = pageHandler(lifeguard)
    const { url, server } = await serve(handler)
    const { port } = new URL(url)
    const { page } = await browser.open(url)
    const live = page.locator('.live')
    await expect.poll(() => live.textContent()).toBe('live')

    server.closeAllConnections()
    server.close()
    await expect.poll(() => live.textContent()).toContain('not connected')
    const again = http.createServer((request, response) => handler(request, response))
    again.listen(Number(port), '127.0.0.1')
    onTestFinished(() => {
      again.closeAllConnections()
      again.close()
    })
    await expect.poll(() => live.textContent(), { timeout: 20_000 }).toBe('live')

    const work = async (name: string) => {
      const client = await pool.connect()
      await new Promise((resolve) => setTimeout(resolve, 150))
      client.release()
      return name
    }
    for (const name of ['GET /a', 'GET /b'])
      await lifeguard.runInScope({ kind: 'request', name }, () => work(name))
    const bars = page.locator('.bar:not(.sample)')
    await expect.poll(() => bars.count()).toBe(2)
    await page.keyboard.press('/')
    await page.keyboard.type('get /b')
    await expect.poll(() => bars.count()).toBe(1)
    expect(page.url()).toContain('find=get')
    await page.reload()
    await expect.poll(() => bars.count()).toBe(1)

    await page.keyboard.press('p')
    await expect.poll(() => live.textContent()).toContain('paused')
    await lifeguard.runInScope({ kind: 'request', name: 'GET /bb' }, () => work('GET /bb'))
    await page.waitForTimeout(1_500)
    expect(await bars.count()).toBe(1)
    await page.keyboard.press('p')
    await expect.poll(() => bars.count()).toBe(2)
  })

  it('stays usable with a hundred pools and a thousand findings', async () => {
    const lifeguard = createLifeguard({ reporters: [], limits: { holdMillis: 1, acquireWaitMillis: false } })
    const pools = Array.from({ length: 100 }, () => new pg.Pool({ ...db.config, max: 1 }))
    onTestFinished(() => lifeguard.close())
    for (const [at, pool] of pools.entries()) lifeguard.watch(pool, { name: `pool ${at}` })
    const { url } = await serve(pageHandler(lifeguard))
    // A snapshot of the same shape, because a thousand sessions are more than the server has.
    const snapshot = lifeguard.snapshot()
    const finding = (at: number) => ({
      ...{
        id: `f${at}`,
        kind: 'long-hold',
        certainty: 'suspected',
        pool: `pool ${at % 100}`,
        remedy: 'report',
      },
      ...{ hint: `hint ${at}`, fingerprint: `x${at}`, occurrences: 1, docs: 'docs/findings.md#long-hold' },
      openedAt: snapshot.takenAt,
      checkout: {
        ...{
          id: at,
          via: 'connect',
          phase: 'out',
          requestedAt: snapshot.takenAt,
          waitedMillis: 0,
          heldMillis: 0,
        },
        ...{ transaction: 'idle', transactionMillis: 0, idleMillis: 0, queryCount: 0, busyMillis: 0 },
      },
    })
    const findings = Array.from({ length: 1_000 }, (_, at) => finding(at))
    Object.defineProperty(lifeguard, 'snapshot', { value: () => ({ ...snapshot, findings }) })
    const { page } = await browser.open(url)
    await expect.poll(() => page.locator('.finding').count()).toBe(25)
    expect(await page.locator('.pool').count()).toBe(20)
    expect(await page.locator('*').count()).toBeLessThan(5_000)
    await page.getByRole('button', { name: /more of 1000 findings/ }).click()
    expect(await page.locator('.finding').count()).toBe(50)
    await page.keyboard.press('/')
    await page.keyboard.type('hint 777')
    await expect.poll(() => page.locator('.finding').count()).toBe(1)
  })
})
