// Package book holds the form of a price file: the rows as people write them
// ([File], [Row]), how they are read from YAML ([Decode]), written ([Encode])
// and checked for what no provider's price list would say.
//
// It owns no arithmetic and no lookup: which row a call is priced by, and what
// it costs, is the package pricing. Amounts are decimals from text to text; a
// price that went through a binary float is refused.
//
// Start with file.go for the words and decode.go for the form.
package book
