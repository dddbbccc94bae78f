import type { Page } from 'playwright-core'

/** The page as assistive technology sees it, without what differs from run to run: numbers, times, paths. */
export async function outlineOf(page: Page): Promise<string> {
  const snapshot = await page.locator('body').ariaSnapshot()
  return (
    snapshot
      .replaceAll(/[\w.-]*(?:\/[\w.-]+)*\/(?=[\w-]+\.ts\b)/g, '')
      .replaceAll(/\d+(?:\.\d+)?/g, '#')
      .replaceAll(/# (?:ms|s|min)\b(?: # s\b)?/g, '#')
      // Equal numbers or not: `1 s` beside `960 ms`.
      .replaceAll(/#(?: #)+/g, '#')
      .replaceAll(/database \S+/g, 'database #')
      .replaceAll(/PostgreSQL #(?:\.#)*/g, 'PostgreSQL #')
  )
}
