import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What keeps people from using the page: each rule that it breaks, and where. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated by the debugger: the policy of the page lets no other script in.
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
    interface Violation {
      readonly id: string
      readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
    }
    const { violations: found } = await checker.run()
    return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)
  })
}
