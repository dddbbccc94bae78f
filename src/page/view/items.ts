import { oneLine } from '../../text/safe-text.ts'
import type { PageSections } from './page-data.ts'

/** The items of a page, by section and id, in the order in which they were added. */
export type PageItems = Map<keyof PageSections, Map<string, object>>

export function addItem<Section extends keyof PageSections>(
  items: PageItems,
  section: Section,
  id: string,
  item: PageSections[Section],
): void {
  const known = items.get(section)
  if (known !== undefined) known.set(id, item)
  else items.set(section, new Map([[id, item]]))
}

/** A text of the application or the server: no control characters, no line breaks, no end of the page's patience. */
export function shown(text: string): string {
  return oneLine(text.length > longest ? `${text.slice(0, longest)}...` : text)
}

const longest = 1_000

/** Several parts that are there or not, in the place of conditional properties. */
export function present<Item extends object>(item: { [Name in keyof Item]: Item[Name] | undefined }): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined)) as Item
}
