/**
 * Takes the pictures of `docs/page.md` in a browser, while the incident of `test/all/page/story.ts` is played, in both themes;
 * and writes down what is on each, which the tests compare.
 *
 *   npm run pictures:page
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBrowser, openPage } from '../test/all/page/browser.ts'
import { outlineOf } from '../test/all/page/outline.ts'
import { scenes, startStory } from '../test/all/page/story.ts'
import { startServer } from '../test/support/embedded-server.ts'

const pictures = join(import.meta.dirname, '../docs/pictures')
const outlines = join(import.meta.dirname, '../test/all/page/outlines')
for (const folder of [pictures, outlines]) mkdirSync(folder, { recursive: true })

await using server = await startServer()
await using story = await startStory(server.url)
const browser = await openBrowser()
const themes = ['light', 'dark'] as const
const opened = await Promise.all(
  themes.map((theme) => openPage(browser, `${story.url}#minutes=1`, { theme, width: 1100, height: 760 })),
)
for (const [at, scene] of scenes.entries()) {
  await story.play(scene)
  for (const [nth, { page }] of opened.entries()) {
    await page.waitForTimeout(4_500)
    await showScene(page, scene)
    const name = `page-${at + 1}-${scene}`
    await page.screenshot({ path: join(pictures, `${name}-${themes[nth]}.png`) })
    if (nth === 0) writeFileSync(join(outlines, `${name}.txt`), `${await outlineOf(page)}\n`)
  }
}
await browser.close()

/** What the scene is about is on the picture. */
async function showScene(page: (typeof opened)[number]['page'], scene: string): Promise<void> {
  await page.evaluate('scrollTo(0, 0)')
  if (scene === 'blocked')
    await page.evaluate("scrollBy(0, document.querySelector('#server').getBoundingClientRect().top - 70)")
}
