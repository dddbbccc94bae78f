import { describe, expect, it } from 'vitest'
import { spawnLifeguard } from '../../cli/spawned.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { browserPath, useBrowser } from './browser.ts'
import { violations } from './violations.ts'

const db = useDatabase()

describe.skipIf(browserPath === undefined)('pg-lifeguard page in a browser', () => {
  const browser = useBrowser()

  it('opens with its link once, and ends the root that blocks after a preview', async () => {
    const holder = await openSession(db, 'holder')
    await holder.run('CREATE TABLE held (id int)')
    await holder.run('BEGIN; LOCK TABLE held')
    const waiter = await openSession(db, 'waiter')
    const { outcome } = await waiter.waitsFor('SELECT * FROM held')
    const command = spawnLifeguard(['page'], { env: { DATABASE_URL: db.url } })
    await command.printed(/#token=\S+/)
    const [link = ''] = /http:\S+/.exec(command.out()) ?? []

    const { page, complaints } = await browser.open(link)
    const root = page.locator('.forest > .root', { hasText: `pid ${holder.pid}` })
    await expect.poll(() => root.count(), { timeout: 20_000 }).toBe(1)
    expect(page.url()).not.toContain('token')
    await page.reload()
    await expect.poll(() => root.count(), { timeout: 20_000 }).toBe(1)

    await root.getByRole('button', { name: `End pid ${holder.pid}...` }).click()
    const panel = page.locator('.panel')
    await expect.poll(() => panel.textContent()).toContain(`1 session is freed: pid ${waiter.pid}`)
    expect(await violations(page)).toEqual([])
    await panel.getByRole('button', { name: /roll its transaction back/ }).click()
    await expect
      .poll(() => panel.textContent(), { timeout: 20_000 })
      .toContain('1 session that waited is free')
    expect(await outcome).toBeUndefined()
    await page.keyboard.press('Escape')
    await expect.poll(() => panel.count()).toBe(0)
    expect(complaints).toEqual([])

    const { page: second } = await browser.open(link)
    await expect
      .poll(() => second.locator('.trouble').first().textContent())
      .toContain('the link that the terminal shows')
  })
})
