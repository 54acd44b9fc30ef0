import { Controller, Get, Inject, NotFoundException, Param } from '@nestjs/common';
import type { Tailrace } from 'tailrace';
import { TAILRACE } from 'tailrace/nestjs';
import { PRODUCTS, type Product } from './products.ts';

/** The catalogue: ordinary traffic, most of which sampling lets go. */
@Controller('products')
export class CatalogueController {
  readonly #tailrace: Tailrace;

  constructor(@Inject(TAILRACE) tailrace: Tailrace) {
    this.#tailrace = tailrace;
  }

  @Get()
  list(): readonly Product[] {
    this.#tailrace.set({ 'products.count': PRODUCTS.length });
    return PRODUCTS;
  }

  @Get(':id')
  find(@Param('id') id: string): Product {
    this.#tailrace.set({ 'product.id': id });
    const product = PRODUCTS.find((candidate) => candidate.id === id);
    if (product === undefined) throw new NotFoundException(`There is no product "${id.slice(0, 40)}"`);
    return product;
  }
}
