from stagekit._plan.plan import Plan
def to_tree(plan: Plan) -> str: return ""
