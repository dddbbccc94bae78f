import { describe, expect, it } from 'vitest'
import { startServer } from '../../support/embedded-server.ts'
import { browserPath, useBrowser } from './browser.ts'
import { startStory } from './story.ts'
import { violations } from './violations.ts'

describe.skipIf(browserPath === undefined)('the incident, seen on the page', () => {
  const browser = useBrowser()

  it('is told from first idle to freed, without a word on the console and without a barrier', async () => {
    // Of its own, because the page shows the sessions of all databases.
    await using server = await startServer()
    await using story = await startStory(server.url)
    const { page, complaints } = await browser.open(story.url)
    const glance = page.locator('.verdict')
    const main = page.getByRole('article', { name: 'main' })
    await story.play('quiet')
    await expect.poll(() => glance.textContent()).toContain('Nothing is held too long')
    await expect.poll(() => main.locator('.bar').count()).toBeGreaterThan(5)
    expect(await violations(page)).toEqual([])

    await story.play('leak')
    await expect.poll(() => glance.textContent()).toContain('1 leak is open')
    expect(await glance.textContent()).toContain('GET /orders/:id')
    expect(await glance.textContent()).toMatch(/story\.ts:\d+/)
    await expect.poll(() => main.locator('.bar.leak').count()).toBe(1)
    expect(await main.locator('.bar.leak .transaction').count()).toBe(1)

    await story.play('exhausted')
    await expect.poll(() => glance.textContent()).toMatch(/4 of 4 clients are out, and 5 callers wait/)
    expect(await glance.textContent()).toContain('GET /cart (3), POST /pay (2)')
    await page
      .getByRole('button', { name: /outlived-scope/ })
      .first()
      .click()
    await expect.poll(() => page.locator('.code').textContent()).toContain('await pool.connect()')

    await story.play('blocked')
    await expect.poll(() => page.locator('.forest').textContent()).toContain('alembic')
    const root = page.locator('.forest > .root').first()
    await expect.poll(() => root.textContent()).toContain('idle in transaction')
    expect(await root.locator('code.place').first().textContent()).toMatch(/story\.ts:\d+ GET \/orders\/:id/)
    expect(await violations(page)).toEqual([])

    await story.play('freed')
    await expect
      .poll(() => page.getByText('Done: the session was closed, its slot is free').count())
      .toBeGreaterThan(0)
    await expect.poll(() => main.locator('.facts').textContent()).toContain('0 of 4 out')
    await expect
      .poll(() => page.locator('#server').locator('..').locator('..').textContent())
      .toContain('No session waits')
    expect(await violations(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  it.each(['light', 'dark'] as const)('has no barrier in the %s theme and on a phone', async (theme) => {
    // Of its own, because the page shows the sessions of all databases.
    await using server = await startServer()
    await using story = await startStory(server.url)
    await story.pool.query('SELECT 1')
    const { page } = await browser.open(story.url, { theme, width: 390, height: 800 })
    await story.play('leak')
    await expect.poll(() => page.locator('.finding').count()).toBe(1)
    await page.keyboard.press('j')
    await expect.poll(() => page.locator('.details').count()).toBe(1)
    expect(await violations(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  })
})
