package grafana

// Columns is the width of every board.
const Columns = 24

// Layout places panels in rows from the top, without overlap, and numbers them.
type Layout struct {
	board *Dashboard
	y     int
	id    int
}

// NewLayout returns a layout for an empty board.
func NewLayout(board *Dashboard) *Layout { return &Layout{board: board} }

// Heading adds a heading.
func (l *Layout) Heading(title string) {
	open := false
	l.id++
	l.board.Panels = append(l.board.Panels, Panel{
		ID: l.id, Type: "row", Title: title, Collapsed: &open, GridPos: Grid{H: 1, W: Columns, X: 0, Y: l.y},
	})
	l.y++
}

// Row adds panels of equal height side by side. Their widths are in GridPos.W. Panels with
// width 0 share the remaining width evenly; the first ones take the remainder.
func (l *Layout) Row(height int, panels ...Panel) {
	free, flexible := Columns, 0
	for _, p := range panels {
		free -= p.GridPos.W
		if p.GridPos.W == 0 {
			flexible++
		}
	}
	x := 0
	for _, p := range panels {
		l.id++
		p.ID = l.id
		if p.GridPos.W == 0 {
			p.GridPos.W = (free + flexible - 1) / flexible
			free -= p.GridPos.W
			flexible--
		}
		p.GridPos.X, p.GridPos.Y, p.GridPos.H = x, l.y, height
		x += p.GridPos.W
		l.board.Panels = append(l.board.Panels, p)
	}
	l.y += height
}
