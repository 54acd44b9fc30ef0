export interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: number;
}

export const PRODUCTS: readonly Product[] = [
  { id: 'lamp', name: 'Desk lamp', price: 49 },
  { id: 'chair', name: 'Chair', price: 120 },
  { id: 'kettle', name: 'Kettle', price: 35 },
  { id: 'radio', name: 'Radio', price: 80 },
  { id: 'clock', name: 'Wall clock', price: 25 },
  { id: 'bag', name: 'Bag', price: 60 },
];
