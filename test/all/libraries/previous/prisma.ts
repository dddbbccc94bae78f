import pg from 'pg'

export { PrismaPg } from '@prisma/adapter-pg'
export { pg }

export const prismaFolder = import.meta.dirname
