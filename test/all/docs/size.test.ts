import { beforeAll, describe, expect, it } from 'vitest'
import { measureSizes, type Sizes, sizesText } from '../../../scripts/sizes.ts'
import { readPage, tableIn } from '../../docs/page.ts'

const { text } = readPage('docs/size.md')
const [, written = ''] = /<!-- sizes:start -->([\s\S]*)<!-- sizes:end -->/.exec(text) ?? []

/** What to do when the package has changed. */
const cure = 'npm run sizes -- --write'

describe('docs/size.md', () => {
  let sizes: Sizes | undefined

  beforeAll(async () => {
    sizes = await measureSizes()
  })

  it('has the sizes of the package as it is, within a quarter', () => {
    if (sizes === undefined) throw new Error('nothing was measured')
    const measured = sizesText(sizes)
    // Whatever is not a number is the same.
    expect(
      written
        .replaceAll(/[\d,]+(?= kB| files)/g, 'N')
        .trim()
        .split('\n')[0],
    ).toBe(
      measured
        .replaceAll(/[\d,]+(?= kB| files)/g, 'N')
        .trim()
        .split('\n')[0],
    )
    expect(
      tableIn(written).map(([entry]) => entry),
      cure,
    ).toEqual(tableIn(measured).map(([entry]) => entry))
    const [told, real] = [kilobytesIn(written), kilobytesIn(measured)]
    expect(told.length).toBe(2 + sizes.loaded.length)
    for (const [index, size] of told.entries()) {
      expect(size / (real[index] ?? 0), `${size} kB: ${cure}`).toBeGreaterThan(0.75)
      expect(size / (real[index] ?? 0), `${size} kB: ${cure}`).toBeLessThan(1.25)
    }
  })

  it('is right about register, which loads the rest later', () => {
    const bytes = (entry: string) => sizes?.loaded.find((one) => one.entry === entry)?.bytes ?? 0
    expect(bytes('pg-lifeguard/register')).toBeLessThan(bytes('pg-lifeguard') / 4)
  })
})

function kilobytesIn(page: string): number[] {
  return [...page.matchAll(/([\d,]+) kB/g)].map(([, number = '']) => Number(number.replaceAll(',', '')))
}
