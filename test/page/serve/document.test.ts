import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { documentHeaders, pageDocument } from '../../../src/page/serve/document.ts'

describe('the document', () => {
  it.each([
    ['script', 'script-src'],
    ['style', 'style-src'],
  ])('names its %s in the policy by its hash', (tag, directive) => {
    const [, text = ''] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(pageDocument) ?? []
    const hash = createHash('sha256').update(text).digest('base64')
    expect(text.length).toBeGreaterThan(1_000)
    expect(documentHeaders['content-security-policy']).toContain(`${directive} 'sha256-${hash}'`)
  })

  it('is small, and has no other element that loads or runs something', () => {
    expect(pageDocument.length).toBeLessThan(120_000)
    expect(pageDocument).not.toMatch(/<(?:iframe|object|embed|img|form|base)\b/)
  })
})
