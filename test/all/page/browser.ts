import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'

const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Undefined if there is no browser; `CHROME_PATH` names one elsewhere. */
export const browserPath = [process.env.CHROME_PATH, ...usualPaths].find(
  (path) => path !== undefined && path !== '' && existsSync(path),
)

if (browserPath === undefined) {
  console.warn('*** no Chromium was found (CHROME_PATH): the live page is not tested in a browser ***')
}

export function openBrowser(): Promise<Browser> {
  if (browserPath === undefined) throw new Error('no Chromium was found: set CHROME_PATH')
  // Debian's Chromium has no sandbox for root.
  return chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] })
}

export interface OpenPage {
  readonly page: Page
  /** What the console of the page has said, and what the page has asked other hosts for. */
  readonly complaints: string[]
}

export type Look = { readonly theme: 'light' | 'dark'; readonly width: number; readonly height: number }

export async function openPage(browser: Browser, url: string, look?: Partial<Look>): Promise<OpenPage> {
  const { theme = 'light', width = 1280, height = 900 } = look ?? {}
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin && !request.url().startsWith('data:'))
      complaints.push(`asked ${request.url()}`)
  })
  await page.goto(url)
  return { page, complaints }
}

/** A browser for the tests of a file. */
export function useBrowser(): { open(url: string, look?: Partial<Look>): Promise<OpenPage> } {
  let browser: Browser | undefined
  beforeAll(async () => {
    if (browserPath !== undefined) browser = await openBrowser()
  })
  afterAll(async () => browser?.close())
  return {
    open(url, look) {
      if (browser === undefined) throw new Error('the browser is open inside tests only')
      return openPage(browser, url, look)
    },
  }
}
