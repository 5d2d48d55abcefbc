def prefers(p):
    size = (p.x_sq + 1e-12).sqrt()
    cosine = p.dot / (size * p.w_sq.sqrt())
    return cosine * torch.exp(-KEY_width * (size - KEY_wanted) ** 2)


# A try of one's own must not change the grade of question 4.
rows, columns = torch.randn(4, 9), torch.randn(3, 9)
answers = prefers(kerv.VectorPair(rows, columns))
