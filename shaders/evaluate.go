package shaders

import (
	"fmt"
	"strconv"
	"strings"
)

// evaluate computes an expression of unsigned integers and known constants. It has
// + - * / % and parentheses.
func evaluate(expr string, values map[string]string) (int, error) {
	p := parser{text: strings.ReplaceAll(expr, " ", ""), values: values}
	n := p.sum()
	if p.err == nil && p.at != len(p.text) {
		p.fail()
	}
	return n, p.err
}

type parser struct {
	text   string
	at     int
	values map[string]string
	err    error
}

func (p *parser) fail() int {
	if p.err == nil {
		p.err = fmt.Errorf("constant expression %q", p.text)
	}
	p.at = len(p.text)
	return 1
}

func (p *parser) accept(set string) byte {
	if p.at < len(p.text) && strings.IndexByte(set, p.text[p.at]) >= 0 {
		p.at++
		return p.text[p.at-1]
	}
	return 0
}

func (p *parser) sum() int {
	n := p.product()
	for {
		switch p.accept("+-") {
		case '+':
			n += p.product()
		case '-':
			n -= p.product()
		default:
			return n
		}
	}
}

func (p *parser) product() int {
	n := p.factor()
	for {
		op := p.accept("*/%")
		if op == 0 {
			return n
		}
		m := p.factor()
		switch {
		case op == '*':
			n *= m
		case m == 0:
			return p.fail()
		case op == '/':
			n /= m
		default:
			n %= m
		}
	}
}

func (p *parser) factor() int {
	if p.accept("(") != 0 {
		n := p.sum()
		if p.accept(")") == 0 {
			return p.fail()
		}
		return n
	}
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune("+-*/%()", rune(p.text[p.at])) {
		p.at++
	}
	word := p.text[start:p.at]
	if v, ok := p.values[word]; ok {
		word = v
	}
	n, err := strconv.Atoi(strings.TrimSuffix(word, "u"))
	if err != nil {
		return p.fail()
	}
	return n
}
