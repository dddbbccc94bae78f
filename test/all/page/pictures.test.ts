import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startServer } from '../../support/embedded-server.ts'
import { browserPath, useBrowser } from './browser.ts'
import { outlineOf } from './outline.ts'
import { scenes, startStory } from './story.ts'

const folder = join(import.meta.dirname, '../../../docs/pictures')

describe('the pictures of the page', () => {
  it.each(
    scenes.flatMap((scene, at) => ['light', 'dark'].map((theme) => `page-${at + 1}-${scene}-${theme}.png`)),
  )('has %s, in a size that a page can load', (name) => {
    const file = join(folder, name)
    expect(readFileSync(file).subarray(1, 4).toString()).toBe('PNG')
    expect(statSync(file).size).toBeLessThan(150_000)
  })

  it.skipIf(browserPath === undefined)('show what the page shows now (npm run pictures:page)', async () => {
    // Of its own, because the page shows the sessions of all databases.
    await using server = await startServer()
    await using story = await startStory(server.url)
    const { page } = await browser.open(`${story.url}#minutes=1`)
    for (const [at, scene] of scenes.entries()) {
      await story.play(scene)
      const expected = readFileSync(join(import.meta.dirname, `outlines/page-${at + 1}-${scene}.txt`), 'utf8')
      await expect
        .poll(async () => `${await outlineOf(page)}\n`, { timeout: 30_000, interval: 500 })
        .toBe(expected)
    }
  })
  const browser = useBrowser()
})
